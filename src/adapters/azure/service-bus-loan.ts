import { fromMessageText, type QueueMessage } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import { inTime } from "./in-time.ts";
import { isLockLost, type ServiceBusReceivedMessageLike, type ServiceBusReceiverLike, toServiceBusError } from "./service-bus-client.ts";

/** The application property that carries how often a message was handed out before it was sent again. */
export const deliveriesProperty = "actorfleet-deliveries";

/** Of a lock that has to be renewed: when, as a part of what is left of it. */
const renewAfter = 0.5;
const retryMs = 100;
/** One of several that fit into a lock. */
const shortestCallMs = 200;

export interface ServiceBusLoanOptions {
  readonly clock: Clock;
  readonly receiver: ServiceBusReceiverLike;
  readonly received: ServiceBusReceivedMessageLike;
  readonly lockedUntil: Date | undefined;
  readonly visibilityTimeoutMs: number;
  readonly operationTimeoutMs: number;
  /** Prolongs the lock by as much as the queue's setting says; resolves to when it ends. */
  renew(): Promise<Date>;
  /** Sends the message again, to appear later. */
  sendAgain(delayMs: number): Promise<void>;
  ended(): void;
}

/**
 * A message under a lock of Service Bus. How long a lock lasts is a setting of the queue; it is renewed as long as the loan is to last, and
 * then left to end.
 */
export class ServiceBusLoan implements Delivery {
  readonly message: QueueMessage | undefined;
  readonly raw: string;
  readonly deliveryCount: number;
  /** Resolves when it is settled or lost: true when the lock may have ended by itself. */
  readonly over: Promise<boolean>;
  readonly #options: ServiceBusLoanOptions;
  #lockedUntil: number;
  #endsAt: number;
  #timer: unknown;
  #open = true;
  #tellOver: (lost: boolean) => void = () => {};

  constructor(options: ServiceBusLoanOptions) {
    const { clock, received, lockedUntil, visibilityTimeoutMs } = options;
    this.#options = options;
    this.raw = toText(received.body);
    this.message = fromMessageText(this.raw);
    this.deliveryCount = deliveriesOf(received);
    this.#endsAt = clock.now() + visibilityTimeoutMs;
    this.#lockedUntil = lockedUntil?.getTime() ?? this.#endsAt;
    this.over = new Promise((resolve) => {
      this.#tellOver = resolve;
    });
  }

  begin(): void {
    this.#watch();
  }

  ack(): Promise<void> {
    const { receiver, received } = this.#options;
    return this.#settle("complete", () => receiver.completeMessage(received));
  }

  nack({ delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    const { receiver, received, sendAgain } = this.#options;
    if (delayMs <= 0) return this.#settle("abandon", () => receiver.abandonMessage(received));
    // A lock cannot end with a delay. In this order: what happens in between doubles the message instead of losing it.
    return this.#settle("abandon", async () => {
      await sendAgain(delayMs);
      await receiver.completeMessage(received);
    });
  }

  async extend(visibilityTimeoutMs: number): Promise<boolean> {
    if (!this.#open) return false;
    const { clock, operationTimeoutMs } = this.#options;
    this.#endsAt = clock.now() + visibilityTimeoutMs;
    const giveUpAt = clock.monotonicNow() + operationTimeoutMs;
    // The answer may have been lost together with the connection.
    for (;;) {
      try {
        await this.#renew();
        return this.#open;
      } catch (error) {
        if (clock.monotonicNow() >= giveUpAt) throw error;
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, retryMs, true));
        if (!this.#open) return false;
      }
    }
  }

  putAside(reason: string): Promise<void> {
    const { receiver, received } = this.#options;
    // Longer ones are refused.
    const deadLetterReason = reason.slice(0, 4_096);
    const options = { deadLetterReason, deadLetterErrorDescription: "put aside by actorfleet" };
    return this.#settle("dead-letter", () => receiver.deadLetterMessage(received, options));
  }

  async #settle(what: string, act: () => Promise<void>): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const { clock, operationTimeoutMs } = this.#options;
    clock.clearTimeout(this.#timer);
    let lost = false;
    try {
      await inTime(clock, `Service Bus, ${what}`, act(), operationTimeoutMs);
    } catch (error) {
      lost = true;
      if (!isLockLost(error)) throw toServiceBusError(error);
    } finally {
      this.#end(lost);
    }
  }

  #end(lost: boolean): void {
    this.#open = false;
    this.#options.clock.clearTimeout(this.#timer);
    this.#tellOver(lost);
    this.#options.ended();
  }

  /** Until the lock ends, or must be renewed. */
  #watch(soonMs = Number.POSITIVE_INFINITY): void {
    const { clock } = this.#options;
    const leftMs = this.#lockedUntil - clock.now();
    clock.clearTimeout(this.#timer);
    if (leftMs <= 0) this.#end(true);
    else if (this.#lockedUntil >= this.#endsAt) this.#timer = clock.setTimeout(() => this.#watch(), leftMs, true);
    else this.#timer = clock.setTimeout(() => void this.#renew().catch(() => {}), Math.min(leftMs * renewAfter, soonMs), true);
  }

  async #renew(): Promise<void> {
    const { clock, renew, operationTimeoutMs } = this.#options;
    const timeoutMs = Math.min(operationTimeoutMs, Math.max(shortestCallMs, (this.#lockedUntil - clock.now()) / 4));
    try {
      const lockedUntil = await inTime(clock, "Service Bus, renew lock", renew(), timeoutMs);
      this.#lockedUntil = lockedUntil.getTime();
      if (this.#open) this.#watch();
    } catch (error) {
      if (!this.#open) return;
      if (isLockLost(error)) this.#end(true);
      else {
        this.#watch(retryMs);
        throw toServiceBusError(error);
      }
    }
  }
}

export function deliveriesOf({ deliveryCount = 0, applicationProperties }: ServiceBusReceivedMessageLike): number {
  const before = Number(applicationProperties?.[deliveriesProperty] ?? 0);
  return deliveryCount + 1 + (Number.isSafeInteger(before) ? before : 0);
}

/** Whoever put it there may have used another kind of body. */
export function toText(body: unknown): string {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  return JSON.stringify(body) ?? "";
}
