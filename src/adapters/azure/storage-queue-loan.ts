import { fromMessageText, type QueueMessage } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import { isReceiptLost, type StorageMessageLike, type StorageQueueClientLike, toStorageQueueError } from "./storage-queue-client.ts";

/** The longest that a message can be hidden, in seconds. */
export const longestHiddenSeconds = 7 * 24 * 3_600;

export interface StorageQueueLoanOptions {
  readonly clock: Clock;
  readonly queue: StorageQueueClientLike;
  readonly received: StorageMessageLike;
  /** What its text says, decoded. */
  readonly raw: string;
  readonly endsAt: number;
  /** Limits the time that a call takes. */
  call<Result>(what: string, run: (abortSignal: AbortSignal) => Promise<Result>): Promise<Result>;
  keepAside(raw: string, reason: string): Promise<void>;
  ended(): void;
}

/** A hidden message of a storage queue. Calls about it follow one another, because each changes the receipt that the next one shows. */
export class StorageQueueLoan implements Delivery {
  readonly message: QueueMessage | undefined;
  readonly raw: string;
  readonly deliveryCount: number;
  readonly #options: StorageQueueLoanOptions;
  #receipt: string;
  #timer: unknown;
  #open = true;
  #calls: Promise<unknown> = Promise.resolve();

  constructor(options: StorageQueueLoanOptions) {
    this.#options = options;
    this.raw = options.raw;
    this.message = fromMessageText(options.raw);
    this.deliveryCount = options.received.dequeueCount;
    this.#receipt = options.received.popReceipt;
    this.#endAt(options.endsAt);
  }

  ack(): Promise<void> {
    return this.#settle("delete", (abortSignal) => this.#delete(abortSignal));
  }

  nack({ delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    return this.#settle("update", async (abortSignal) => void (await this.#hide(toSeconds(delayMs), abortSignal)));
  }

  putAside(reason: string): Promise<void> {
    // In this order: what happens in between doubles the message instead of losing it.
    return this.#settle("put aside", async (abortSignal) => {
      await this.#options.keepAside(this.raw, reason);
      await this.#delete(abortSignal);
    });
  }

  async extend(visibilityTimeoutMs: number): Promise<boolean> {
    const { clock, call } = this.#options;
    return this.#inTurn(async () => {
      if (!this.#open) return false;
      const seconds = toSeconds(visibilityTimeoutMs, 1);
      const endsAt = clock.now() + seconds * 1_000;
      try {
        await call("update", (abortSignal) => this.#hide(seconds, abortSignal));
        if (this.#open) this.#endAt(endsAt);
      } catch (error) {
        if (!isReceiptLost(error)) throw toStorageQueueError(error);
        this.#end();
      }
      return this.#open;
    });
  }

  #settle(what: string, act: (abortSignal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.#open) return Promise.resolve();
    this.#open = false;
    this.#options.clock.clearTimeout(this.#timer);
    return this.#inTurn(async () => {
      try {
        await this.#options.call(what, act);
      } catch (error) {
        if (!isReceiptLost(error)) throw toStorageQueueError(error);
      } finally {
        this.#options.ended();
      }
    });
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#calls.then(run);
    this.#calls = result.catch(() => {});
    return result;
  }

  async #delete(abortSignal: AbortSignal): Promise<void> {
    const { queue, received } = this.#options;
    await queue.deleteMessage(received.messageId, this.#receipt, { abortSignal });
  }

  async #hide(seconds: number, abortSignal: AbortSignal): Promise<void> {
    const { queue, received } = this.#options;
    const { messageId, messageText } = received;
    const { popReceipt } = await queue.updateMessage(messageId, this.#receipt, messageText, seconds, { abortSignal });
    this.#receipt = popReceipt ?? this.#receipt;
  }

  #endAt(endsAt: number): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#end(), endsAt - clock.now(), true);
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.ended();
  }
}

/** Whole ones, and no fewer than asked for. */
export function toSeconds(ms: number, least = 0): number {
  return Math.min(longestHiddenSeconds, Math.max(least, Math.ceil(ms / 1_000)));
}
