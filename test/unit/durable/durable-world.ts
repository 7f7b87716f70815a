import { createMemoryData, createMemoryStore } from "../../../src/adapters/memory/memory-store.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import type { DurableCoordinatorOptions } from "../../../src/core/durable-options.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "../../../src/core/orchestrator.ts";
import { StoreUnavailableError } from "../../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

type Method = Exclude<keyof ExecutionStore, "capabilities">;

/** Several processes on one memory store in virtual time. */
export function createWorld() {
  const clock = new VirtualClock({ now: 1_000_000 });
  const data = createMemoryData();
  const errors: unknown[] = [];
  const outages: StoreUnavailableError[] = [];
  const open: { close(options: { mode: "release"; deadlineMs: number }): Promise<unknown> }[] = [];
  let workers = 0;
  return {
    clock,
    data,
    errors,
    /** What was told of a store or queue that is away for a while. */
    outages,
    /** A store whose calls can be made to fail before or after the write. */
    store: () => faultyStore(createMemoryStore({ clock, data })),
    process<O extends AnyOrchestrator>(
      options: Omit<DurableCoordinatorOptions<O>, "store" | "name"> & { store?: ExecutionStore },
    ): DurableCoordinator<InputOf<O>, OutputOf<O>> {
      let ids = 0;
      const workerId = options.workerId ?? `worker-${++workers}`;
      const coordinator = createDurableCoordinator<O>({
        name: "test",
        store: createMemoryStore({ clock, data }),
        clock,
        random: () => 0.5,
        generateId: () => `${workerId}-${++ids}`,
        onError: (error) => (error instanceof StoreUnavailableError ? outages : errors).push(error as never),
        workerId,
        ...options,
      } as DurableCoordinatorOptions<O>);
      open.push(coordinator);
      return coordinator;
    },
    async closeAll(): Promise<void> {
      const closed = Promise.all(open.map((coordinator) => coordinator.close({ mode: "release", deadlineMs: 0 })));
      await clock.advance(2_000);
      await closed;
    },
  };
}

/** How calls of one method fail from now on; undefined: they work. */
type Fault = "before" | "after" | "hangs" | undefined;

/** Where a process ends: after so many calls, just before the next one is written, or just after. */
export interface CrashPoint {
  readonly afterCalls: number;
  readonly at: "beforeWrite" | "afterWrite";
}

export type FaultyStore = ExecutionStore & {
  readonly faults: Map<Method | "*", Fault>;
  readonly calls: Method[];
  /** From then on no call is answered any more: to others, its process is dead. */
  crash: CrashPoint | undefined;
};

function faultyStore(store: ExecutionStore): FaultyStore {
  const faults = new Map<Method | "*", Fault>();
  const calls: Method[] = [];
  let crash: CrashPoint | undefined;
  return new Proxy(store as FaultyStore, {
    set(target, key, value) {
      if (key !== "crash") return Reflect.set(target, key, value);
      crash = value;
      return true;
    },
    get(target, key) {
      if (key === "crash") return crash;
      if (key === "faults") return faults;
      if (key === "calls") return calls;
      const value = target[key as Method] as unknown;
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        calls.push(key as Method);
        if (crash !== undefined && calls.length > crash.afterCalls) {
          if (crash.at === "afterWrite" && calls.length === crash.afterCalls + 1) {
            await (value as (...parameters: unknown[]) => Promise<unknown>)(...parameters);
          }
          return new Promise(() => {});
        }
        const fault = faults.get(key as Method) ?? faults.get("*");
        if (fault === "hangs") return new Promise(() => {});
        if (fault === "before") throw new StoreUnavailableError("down");
        const answer = await (value as (...parameters: unknown[]) => Promise<unknown>)(...parameters);
        if (fault === "after") throw new StoreUnavailableError("the answer was lost");
        return answer;
      };
    },
  });
}
