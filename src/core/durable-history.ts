import { isFinalStatus } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { fromJsonText, type JsonText } from "../model/json-text.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { ClientParts } from "./durable-client-parts.ts";
import type { UnnumberedEvent } from "./durable-events.ts";
import { toEndEvent } from "./durable-info.ts";
import type { Patience } from "./durable-patience.ts";
import { inTime } from "./durable-store-deadline.ts";

/** Executions that one write is about at most. */
const maxEntries = 500;
/** How long an event may wait for others to be written with it. */
const gatherMs = 100;
/** How long a close, or a reader, waits for a store that is away. */
const flushMs = 1_000;
/** Tries before events are given up: history is for looking at, and must not fill the memory while the store is away. */
const maxFailures = 10;
/** Above those of every worker: an end that no worker has told. */
const lastOrdinal = 1_000_000_000;
/** From so many on, those that are not held any more are looked for. */
const manyKept = 2_000;

interface DurableHistoryOptions {
  readonly store: ExecutionStore;
  readonly name: string;
  readonly owner: string;
  /** Per execution; the oldest go first. */
  readonly maxEvents: number;
  readonly clock: Clock;
  readonly patience: Patience;
  /** The lease under which this process holds it. */
  leaseOf(id: string): HeldLease | undefined;
  reportError(error: unknown): void;
}

interface HeldLease {
  readonly fence: number;
  readonly execution: { readonly queuedAt: number };
}

/** Undefined where none is wanted. */
export function createHistory(
  { options, clock, patience, reportError }: ClientParts,
  owner: string,
  leaseOf: (id: string) => HeldLease | undefined,
): DurableHistory | undefined {
  const { store, name, maxStoredEvents: maxEvents = 0 } = options;
  return maxEvents === 0 ? undefined : new DurableHistory({ store, name, owner, maxEvents, clock, patience, leaseOf, reportError });
}

interface Unsaved {
  readonly ordinal: number;
  readonly body: JsonText;
  readonly isProgress: boolean;
}

/** The events of an execution under one lease. */
interface Kept {
  readonly id: string;
  readonly fence: number;
  ordinal: number;
  unsaved: Unsaved[];
}

const ends: ReadonlySet<string> = new Set(["execution.completed", "execution.failed", "execution.cancelled", "execution.retrying"]);

/** Keeps what happens to executions in the store, written together and beside the work: nothing waits for it. */
export class DurableHistory {
  readonly #options: DurableHistoryOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #unsaved = new Set<Kept>();
  #timer: unknown;
  #writing: Promise<void> | undefined;

  constructor(options: DurableHistoryOptions) {
    this.#options = options;
  }

  /** A fact about what this process runs. */
  happened(event: UnnumberedEvent): void {
    const kept = this.#keptOf(event);
    if (kept === undefined) return;
    this.#add(kept, event);
    if (ends.has(event.type)) this.#kept.delete(event.executionId);
    // The next attempt may begin at once, and then nothing is accepted about this one.
    if (event.type === "execution.retrying") this.#write();
    else if (this.#timer === undefined) this.#timer = this.#options.clock.setTimeout(() => this.#write(), gatherMs, true);
  }

  /** They have ended while nobody held them. */
  async endedUnheld(ids: readonly string[]): Promise<void> {
    const { store, name, maxEvents, patience } = this.#options;
    const records = await patience.call(() => store.get(name, ids));
    const entries = records.flatMap((record) => {
      if (record === undefined || !isFinalStatus(record.status)) return [];
      const { id, fence, queuedAt } = record;
      const first = fence === 0 ? [{ ordinal: 1, body: toBody(queuedEvent(id, queuedAt)) }] : [];
      return [{ id, fence, events: [...first, { ordinal: lastOrdinal, body: toBody(toEndEvent(record)) }] }];
    });
    if (entries.length > 0) await patience.call(() => store.appendEvents({ name, entries, maxEvents }));
  }

  /** Resolves when all that has happened is written, or a moment later: a store that does not take it now is not waited for. */
  async flush(): Promise<void> {
    if (this.#unsaved.size > 0) this.#write();
    if (this.#writing === undefined) return;
    await inTime("the store", "appendEvents", this.#writing, this.#options.clock, flushMs).catch(() => {});
  }

  #keptOf({ executionId, type }: UnnumberedEvent): Kept | undefined {
    const lease = this.#options.leaseOf(executionId);
    const known = this.#kept.get(executionId);
    // What is told after the lease was lost is for its next holder to tell.
    if (lease === undefined || lease.fence === known?.fence) return known;
    this.#prune();
    const kept: Kept = { id: executionId, fence: lease.fence, ordinal: 0, unsaved: [] };
    this.#kept.set(executionId, kept);
    if (lease.fence === 1 && type !== "execution.queued") this.#add(kept, queuedEvent(executionId, lease.execution.queuedAt));
    return kept;
  }

  #add(kept: Kept, event: UnnumberedEvent): void {
    const { maxEvents, reportError } = this.#options;
    const isProgress = event.type === "execution.progressed";
    try {
      // The newest progress stands for what came just before it.
      if (isProgress && kept.unsaved.at(-1)?.isProgress) kept.unsaved.pop();
      kept.ordinal += 1;
      kept.unsaved.push({ ordinal: kept.ordinal, body: toBody(event), isProgress });
      if (kept.unsaved.length > maxEvents) kept.unsaved.shift();
      this.#unsaved.add(kept);
    } catch (error) {
      reportError(error);
    }
  }

  #write(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    // What happens in this tick is written together.
    await undefined;
    while (this.#unsaved.size > 0) {
      const some = [...this.#unsaved].slice(0, maxEntries);
      for (const kept of some) this.#unsaved.delete(kept);
      await this.#append(some.map((kept) => ({ id: kept.id, fence: kept.fence, events: kept.unsaved.splice(0) })));
    }
  }

  async #append(entries: Parameters<ExecutionStore["appendEvents"]>[0]["entries"]): Promise<void> {
    const { store, name, owner, maxEvents, patience, reportError } = this.#options;
    for (let failures = 1; failures <= maxFailures; failures++) {
      try {
        await store.appendEvents({ name, owner, maxEvents, entries });
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) {
          reportError(error);
          return;
        }
        if (patience.isOver) return;
        await patience.pause(failures);
      }
    }
  }

  #prune(): void {
    if (this.#kept.size < manyKept) return;
    for (const [id, kept] of this.#kept) {
      if (this.#options.leaseOf(id)?.fence !== kept.fence && kept.unsaved.length === 0) this.#kept.delete(id);
    }
  }
}

/** Results are with the record, and may be large. */
function toBody(event: UnnumberedEvent): JsonText {
  return JSON.stringify(event.type === "execution.completed" ? { ...event, result: undefined } : event);
}

function queuedEvent(executionId: string, at: number): UnnumberedEvent {
  return { type: "execution.queued", executionId, at, attempt: 0 };
}

/** Stored events in order. */
export async function readHistory<Output>(
  store: ExecutionStore,
  request: { readonly name: string; readonly id: string; readonly afterSequence: number; readonly limit: number },
): Promise<readonly ExecutionEvent<Output>[]> {
  const stored = await store.readEvents(request);
  const events = stored.map(({ sequence, body }) => ({ ...(fromJsonText(body) as object), sequence }) as ExecutionEvent<Output>);
  if (!events.some(({ type }) => type === "execution.completed")) return events;
  const [record] = await store.get(request.name, [request.id]);
  const result = fromJsonText(record?.result) as Output;
  return events.map((event) => (event.type === "execution.completed" ? { ...event, result } : event));
}
