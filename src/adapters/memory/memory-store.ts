import { createSystemClock } from "../../core/system-clock.ts";
import { CoordinatorClosedError } from "../../model/errors.ts";
import { UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore, StoreCapabilities } from "../../ports/execution-store.ts";
import { insertWork, type RecordWork, recordMethods } from "../records/record-store.ts";
import { StoreWatchers } from "../records/store-watchers.ts";
import { MemorySpace } from "./memory-space.ts";

/** Records that several memory stores of one process can share, as processes share a database. */
export interface MemoryData {
  readonly spaces: Map<string, MemorySpace>;
  readonly watchers: StoreWatchers;
}

/** How a memory store works. */
export interface MemoryStoreOptions {
  /** The system's. */
  clock?: Clock;
  /** Fresh and its own. */
  data?: MemoryData;
}

/** Empty data for memory stores to share. */
export function createMemoryData(): MemoryData {
  return { spaces: new Map(), watchers: new StoreWatchers() };
}

/** What a memory store can do. */
export const memoryStoreCapabilities: StoreCapabilities = {
  shared: false,
  durability: "none",
  notices: "pushed",
  transactions: "none",
  roundRobin: "store",
  groupLimits: true,
  rateLimits: true,
  maxPayloadBytes: Number.POSITIVE_INFINITY,
};

/** A store that keeps its records in the memory of the process: for tests, and for durable code that needs no durability yet. */
export function createMemoryStore({ clock = createSystemClock(), data = createMemoryData() }: MemoryStoreOptions = {}): ExecutionStore {
  let closed = false;

  async function run<Result>(name: string, work: RecordWork<Result>): Promise<Result> {
    if (closed) throw new CoordinatorClosedError("the memory store is closed");
    let space = data.spaces.get(name);
    if (space === undefined) {
      space = new MemorySpace(name);
      data.spaces.set(name, space);
    }
    return work(space, clock.now(), (notice) => data.watchers.tell(name, notice));
  }

  return {
    capabilities: memoryStoreCapabilities,
    ...recordMethods({ read: run, write: run }),
    async insert(request) {
      if (request.transaction !== undefined)
        throw new UnsupportedOperationError("the memory store has no transactions to start executions in");
      return run(request.name, insertWork(request));
    },
    watch: (request, listener) => run(request.name, () => data.watchers.watch(request, listener)),
    async close() {
      closed = true;
    },
  };
}
