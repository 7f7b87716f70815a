import { fromMessageText, type QueueMessage } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import type { SqsMessage } from "./sqs-connection.ts";

/** The longest that SQS hides a message, counted from when it was received. */
const longestHiddenMs = 43_200_000;

/** A visibility timeout as SQS takes it. */
export function toVisibilitySeconds(ms: number): number {
  return Math.min(Math.max(0, Math.ceil(ms / 1_000)), longestHiddenMs / 1_000);
}

export interface SqsLoanOptions {
  readonly message: SqsMessage;
  readonly visibilityMs: number;
  readonly clock: Clock;
  /** A FIFO queue would delay the rest of the group as well. */
  readonly delays: boolean;
  /** Its slot is free. */
  ended(loan: SqsLoan): void;
  remove(receiptHandle: string): Promise<void>;
  /** Resolves to false when the loan is lost. */
  hide(receiptHandle: string, seconds: number): Promise<boolean>;
  putAside(raw: string, reason: string): Promise<void>;
}

/**
 * A message on loan. It counts as lost a little before it is: SQS takes the receipt of a lost loan without a word, and what it then removes
 * may be in somebody else's hands.
 */
export class SqsLoan implements Delivery {
  readonly message: QueueMessage | undefined;
  readonly raw: string;
  readonly deliveryCount: number;
  readonly #options: SqsLoanOptions;
  readonly #receivedAt: number;
  #endsAt = 0;
  #timer: unknown;
  #open = true;

  constructor(options: SqsLoanOptions) {
    const { message, visibilityMs, clock } = options;
    this.#options = options;
    this.raw = message.body;
    this.message = fromMessageText(message.body);
    this.deliveryCount = message.receiveCount;
    this.#receivedAt = clock.monotonicNow();
    this.#lastFor(visibilityMs);
  }

  async ack(): Promise<void> {
    if (this.#settles()) await this.#options.remove(this.#handle);
  }

  async nack({ delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    if (!this.#settles()) return;
    const { clock, hide, delays } = this.#options;
    const leftMs = longestHiddenMs - (clock.monotonicNow() - this.#receivedAt);
    const seconds = Math.min(toVisibilitySeconds(delays ? delayMs : 0), Math.max(0, Math.floor(leftMs / 1_000)));
    await hide(this.#handle, seconds);
  }

  async extend(visibilityTimeoutMs: number): Promise<boolean> {
    if (!this.#isOnLoan) return false;
    const { clock, hide } = this.#options;
    const seconds = toVisibilitySeconds(visibilityTimeoutMs);
    const askedAt = clock.monotonicNow();
    if (!(await hide(this.#handle, seconds))) this.end();
    if (this.#open) this.#lastFor(seconds * 1_000 - (clock.monotonicNow() - askedAt));
    return this.#open;
  }

  async putAside(reason: string): Promise<void> {
    if (!this.#settles()) return;
    await this.#options.putAside(this.raw, reason);
    await this.#options.remove(this.#handle);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.ended(this);
  }

  /** A process that stood still may come here before the timer does. */
  get #isOnLoan(): boolean {
    return this.#open && this.#options.clock.monotonicNow() < this.#endsAt;
  }

  #settles(): boolean {
    const wasOnLoan = this.#isOnLoan;
    this.end();
    return wasOnLoan;
  }

  get #handle(): string {
    return this.#options.message.receiptHandle;
  }

  #lastFor(ms: number): void {
    const { clock } = this.#options;
    const safeMs = Math.max(0, ms - Math.min(1_000, ms / 10));
    this.#endsAt = clock.monotonicNow() + safeMs;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.end(), safeMs, true);
  }
}
