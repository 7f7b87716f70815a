import { StoreUnavailableError } from "../model/store-errors.ts";
import type { StoredExecution } from "../model/stored-execution.ts";
import type { Clock } from "../ports/clock.ts";
import type { Delivery, ExecutionQueue, QueueConsumer } from "../ports/execution-queue.ts";
import type { ClaimReport } from "../ports/store-claim.ts";
import { outageFailures, type Patience } from "./durable-patience.ts";
import { inTime } from "./durable-store-deadline.ts";

/** How long an id that the store does not know may be about to appear there. */
const unknownMs = 30_000;
/** Between two looks for such an id. */
const unknownRetryMs = 1_000;
/** How long a close waits for a queue that does not answer. */
const closeMs = 1_000;
const mostRemembered = 10_000;

export interface WorkerQueueOptions {
  readonly queue: ExecutionQueue;
  readonly name: string;
  readonly clock: Clock;
  readonly patience: Patience;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Nothing is claimed but what messages point at, and a message is acknowledged only when its execution is claimed, or over. */
  readonly onlyMessages: boolean;
  /** How many more the worker would run now; 0 while it claims nothing. */
  room(): number;
  /** Of `ids` only, or of what the store thinks should be next. */
  claim(claimId: string, limit: number, ids: readonly string[] | undefined): Promise<ClaimReport>;
  get(ids: readonly string[]): Promise<readonly (StoredExecution | undefined)[]>;
  /** There is a message to claim for. */
  arrived(): void;
  reportError(error: unknown): void;
}

/**
 * Claims what the messages of a queue point at. The store is the truth: a message is acknowledged once the store was asked about its id,
 * whatever it answered, and every `pollMs` the store is asked for work that no message told of, such as what became due or was lost.
 */
export class WorkerQueue {
  readonly #options: WorkerQueueOptions;
  /** Messages on loan that nothing was claimed for yet. */
  #messages: Delivery[] = [];
  /** Messages on loan that go back to the queue later, because it cannot delay them. */
  readonly #held = new Map<Delivery, unknown>();
  /** When ids that the store does not know were seen first. */
  readonly #unknown = new Map<string, number>();
  #consumer: QueueConsumer | undefined;
  #lookAt: number;
  /** How often somebody asked to look. */
  #looks = 0;
  #closed = false;

  constructor(options: WorkerQueueOptions) {
    this.#options = options;
    this.#lookAt = options.onlyMessages ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  /** Begins to consume, and tries again until that succeeds. */
  async open(): Promise<void> {
    const { queue, name, leaseMs, patience, reportError, room } = this.#options;
    for (let failures = 1; !this.#closed && !patience.isOver; failures++) {
      try {
        const options = { name, visibilityTimeoutMs: leaseMs, maxInFlight: room() };
        const consumer = await queue.consume(options, (delivery) => this.#arrived(delivery));
        this.#consumer = consumer;
        if (this.#closed) await this.#giveBack();
        else this.roomChanged();
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || failures === outageFailures) reportError(error);
        await patience.pause(failures);
      }
    }
  }

  /** No more messages than there is room for are on loan. */
  roomChanged(): void {
    if (!this.#closed) this.#consumer?.setMaxInFlight(Math.max(0, this.#options.room()) + this.#held.size);
  }

  /** The next claim is not limited to what messages tell. */
  look(): void {
    this.#looks += 1;
    if (!this.#options.onlyMessages) this.#lookAt = Number.NEGATIVE_INFINITY;
  }

  async claim(claimId: string, limit: number): Promise<ClaimReport> {
    const { clock, claim, arrived, onlyMessages, pollMs, queue } = this.#options;
    const now = clock.monotonicNow();
    if (now >= this.#lookAt) {
      const looks = this.#looks;
      const report = await claim(claimId, limit, undefined);
      // One that was asked for meanwhile is still to come: this one may have been answered before what it is for.
      if (looks === this.#looks) this.#lookAt = now + Math.min(pollMs, report.nextDueInMs ?? pollMs);
      if (this.#messages.length > 0) arrived();
      return report;
    }
    const messages = this.#messages.splice(0, limit);
    if (messages.length === 0) return { executions: [], refused: [], ...(!onlyMessages && { nextDueInMs: this.#lookAt - now }) };
    try {
      // Where the queue knows no priorities, a message only tells that there is work, and the store says which is next.
      const report = await claim(claimId, messages.length, queue.capabilities.priority ? messages.map(idOf) : undefined);
      if (!onlyMessages) this.#lookAt = Math.min(this.#lookAt, now + (report.nextDueInMs ?? pollMs));
      void this.#settle(messages, report);
      if (this.#messages.length > 0) arrived();
      return report;
    } catch (error) {
      this.#keep(messages);
      throw error;
    }
  }

  /** Messages that were not settled go back. */
  async close(): Promise<void> {
    this.#closed = true;
    const { clock, reportError } = this.#options;
    this.#messages.push(...this.#held.keys());
    for (const timer of this.#held.values()) clock.clearTimeout(timer);
    this.#held.clear();
    await inTime("the queue", "close", this.#giveBack(), clock, closeMs).catch((error) => {
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    });
  }

  /** In this order: a consumer that is still open would get what is given back. */
  async #giveBack(): Promise<void> {
    await this.#consumer?.close();
    await Promise.all(this.#messages.splice(0).map((delivery) => this.#settled(delivery.nack())));
  }

  #arrived(delivery: Delivery): void {
    // What comes after the close is given back by it.
    if (this.#closed) this.#messages.push(delivery);
    else if (delivery.message === undefined) void this.#settled(delivery.putAside("it cannot be read"));
    else {
      this.#messages.push(delivery);
      this.#options.arrived();
    }
  }

  async #settle(messages: readonly Delivery[], report: ClaimReport): Promise<void> {
    const unknown = await this.#unknownOf(messages, report).catch((error): ReadonlySet<string> => {
      // Not even whether they are known is known: they come again.
      if (!(error instanceof StoreUnavailableError)) this.#options.reportError(error);
      return new Set(messages.map(idOf));
    });
    const unasked = this.#unaskedOf(messages, report);
    const open = new Set(this.#options.onlyMessages ? report.refused.flatMap(({ id, reason }) => (reason === "final" ? [] : [id])) : []);
    this.#keep(messages.filter((delivery) => unasked.has(idOf(delivery))));
    if (unasked.size > 0) this.#options.arrived();
    for (const delivery of messages) {
      const id = idOf(delivery);
      if (unasked.has(id)) continue;
      if (unknown.has(id)) this.#again(delivery, id);
      else if (open.has(id)) void this.#settled(delivery.nack());
      else {
        this.#unknown.delete(id);
        void this.#settled(delivery.ack());
      }
    }
  }

  /** For the next claim; the close may be over already. */
  #keep(messages: readonly Delivery[]): void {
    if (this.#closed) for (const delivery of messages) void this.#settled(delivery.nack());
    else this.#messages.unshift(...messages);
  }

  /** A claim that is repeated brings what it got the first time, and says nothing about messages that have come since. */
  #unaskedOf(messages: readonly Delivery[], { executions, refused }: ClaimReport): ReadonlySet<string> {
    if (!this.#options.queue.capabilities.priority) return new Set();
    const asked = new Set([...executions, ...refused].map(({ id }) => id));
    return new Set(messages.map(idOf).filter((id) => !asked.has(id)));
  }

  async #unknownOf(messages: readonly Delivery[], { executions, refused }: ClaimReport): Promise<ReadonlySet<string>> {
    const { queue, get } = this.#options;
    if (queue.capabilities.priority) return new Set(refused.flatMap(({ id, reason }) => (reason === "unknown" ? [id] : [])));
    const claimed = new Set(executions.map(({ id }) => id));
    const others = messages.map(idOf).filter((id) => !claimed.has(id));
    const records = others.length === 0 ? [] : await get(others);
    return new Set(others.filter((_, index) => records[index] === undefined));
  }

  /** It may have been read before its record could be; what is unknown for too long is put aside. */
  #again(delivery: Delivery, id: string): void {
    const { clock, queue } = this.#options;
    const now = clock.monotonicNow();
    const seenAt = this.#unknown.get(id) ?? now;
    // Other workers may have had it in between.
    if (Math.max(now - seenAt, (delivery.deliveryCount - 1) * unknownRetryMs) >= unknownMs) {
      this.#unknown.delete(id);
      void this.#settled(delivery.putAside("no execution has this id"));
      return;
    }
    if (this.#unknown.size < mostRemembered) this.#unknown.set(id, seenAt);
    if (queue.capabilities.delay || this.#closed) void this.#settled(delivery.nack({ delayMs: unknownRetryMs }));
    else this.#hold(delivery);
  }

  #hold(delivery: Delivery): void {
    const timer = this.#options.clock.setTimeout(() => {
      this.#held.delete(delivery);
      void this.#settled(delivery.nack());
      this.roomChanged();
    }, unknownRetryMs);
    this.#held.set(delivery, timer);
    this.roomChanged();
  }

  /** A message that could not be settled comes again, which is harmless. */
  async #settled(settling: Promise<void>): Promise<void> {
    try {
      await settling;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) this.#options.reportError(error);
    }
  }
}

function idOf(delivery: Delivery): string {
  return (delivery.message as { executionId: string }).executionId;
}
