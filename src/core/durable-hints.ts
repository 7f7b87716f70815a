import { StoreUnavailableError } from "../model/store-errors.ts";
import type { NewExecution } from "../model/stored-execution.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionQueue, PublishReport, QueueMessage } from "../ports/execution-queue.ts";
import type { ClientParts } from "./durable-client-parts.ts";
import type { Patience } from "./durable-patience.ts";
import { inTime } from "./durable-store-deadline.ts";
import { WriteBatch } from "./durable-write-batch.ts";

/** Messages that one call of the queue is about at most. */
const maxMessages = 500;
/** What was published because it is overdue is not published again for so long, or ten times what makes it overdue. */
const leastSilenceMs = 60_000;
/** Messages about what is queued for too long, per look. */
const maxOverdue = 100;

interface DurableHintsOptions {
  readonly queue: ExecutionQueue;
  readonly name: string;
  readonly clock: Clock;
  readonly patience: Patience;
  /** How long a queue may take to confirm. */
  readonly timeoutMs: number;
  findOverdue(waitingMs: number, limit: number): Promise<readonly string[]>;
  reportError(error: unknown): void;
}

/** What a message says about an execution that the store has accepted as queued. */
type Hint = Omit<QueueMessage, "name">;

export function toHint({ id, group, priority, delayMs }: Pick<NewExecution, "id" | "group" | "priority" | "delayMs">): Hint {
  return {
    executionId: id,
    ...(group !== undefined && { group }),
    ...(priority !== 0 && { priority }),
    ...(delayMs > 0 && { delayMs }),
  };
}

/** Undefined where the store is its own queue. */
export function createHints({ options, clock, patience, reportError }: ClientParts): DurableHints | undefined {
  const { queue, store, name, leaseMs = 30_000 } = options;
  if (queue === undefined) return undefined;
  return new DurableHints({
    ...{ queue, name, clock, patience, timeoutMs: leaseMs / 3, reportError },
    findOverdue: (waitingMs, limit) => store.findOverdue({ name, waitingMs, limit }),
  });
}

/**
 * Publishes the ids of executions that became claimable, those of one tick together. A message that the queue does not take is not missed:
 * workers look into the store, and what is queued for too long is published again.
 */
export class DurableHints {
  readonly #options: DurableHintsOptions;
  readonly #messages: WriteBatch<QueueMessage, PublishReport>;
  /** When what was overdue was published, so that a backlog is not published again and again. */
  readonly #published = new Map<string, number>();

  constructor(options: DurableHintsOptions) {
    this.#options = options;
    const { queue, clock, patience, timeoutMs } = options;
    this.#messages = new WriteBatch<QueueMessage, PublishReport>({
      patience,
      maxSize: maxMessages,
      write: (messages) => inTime("the queue", "publish", queue.publish(messages), clock, timeoutMs),
      goesOn: () => false,
    });
  }

  /** Resolves when the queue has them, or has failed to take them. Never rejects. */
  async publish(hints: readonly Hint[]): Promise<void> {
    const { delay, maxDelayMs = Number.POSITIVE_INFINITY } = this.#options.queue.capabilities;
    // Where a queue cannot delay, or not for so long, workers find in the store what has become due.
    const longestMs = delay ? maxDelayMs : 0;
    const kept = hints.filter(({ delayMs = 0 }) => delayMs <= longestMs);
    await Promise.all(kept.map((hint) => this.#publish(hint)));
  }

  /** Publishes what has been claimable for `waitingMs` and was not published for a while; resolves to how many. */
  async publishOverdue(waitingMs: number): Promise<number> {
    const { clock, findOverdue } = this.#options;
    const now = clock.monotonicNow();
    for (const [id, at] of this.#published) {
      // In the order of publishing: the rest is younger.
      if (now - at < Math.max(leastSilenceMs, waitingMs * 10)) break;
      this.#published.delete(id);
    }
    // The oldest come first, also those that were published: asking for more than those finds the others.
    const overdue = await findOverdue(waitingMs, maxOverdue + this.#published.size);
    const fresh = overdue.filter((id) => !this.#published.has(id)).slice(0, maxOverdue);
    for (const id of fresh) this.#published.set(id, now);
    await this.publish(fresh.map((executionId) => ({ executionId })));
    return fresh.length;
  }

  async #publish(hint: Hint): Promise<void> {
    const { name, reportError } = this.#options;
    try {
      const report = await this.#messages.add({ name, ...hint });
      if (!report.published && report.reason === "tooLarge") reportError(report.cause ?? new RangeError(`the queue refused a message`));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    }
  }
}
