import { fromPromise, setup } from "xstate";
import { createSqliteStore } from "../../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../../src/index.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import type { FileContender, FileSetting } from "./file-contender.ts";

/** Five steps, each an invoke of its own; the machine is saved after each. */
const machine = setup({
  types: { input: {} as number, context: {} as { input: number } },
  actors: { perform: fromPromise<number, number>(async ({ input }) => input) },
}).createMachine({
  id: "steps",
  context: ({ input }) => ({ input }),
  initial: "step1",
  states: {
    step1: { invoke: { src: "perform", input: 1, onDone: "step2" } },
    step2: { invoke: { src: "perform", input: 2, onDone: "step3" } },
    step3: { invoke: { src: "perform", input: 3, onDone: "step4" } },
    step4: { invoke: { src: "perform", input: 4, onDone: "step5" } },
    step5: { invoke: { src: "perform", input: 5, onDone: "done" } },
    done: { type: "final" },
  },
});

export const actorfleetSqlite: FileContender = {
  name: "actorfleet",
  url: import.meta.url,
  async open(setting) {
    const orchestrator = async (input: number) => {
      setting.begun(input);
      return input;
    };
    const { filename, synchronous } = setting;
    const store = createSqliteStore({ filename, synchronous });
    return toSubject(createDurableCoordinator({ ...toOptions(setting, store), orchestrator }), store, setting);
  },
};

export const actorfleetMachine: FileContender = {
  name: "actorfleet, 5 saved steps",
  url: import.meta.url,
  async open(setting) {
    const { filename, synchronous } = setting;
    const store = createSqliteStore({ filename, synchronous });
    return toSubject(createDurableCoordinator({ ...toOptions(setting, store), orchestrator: machine }), store, setting);
  },
};

function toOptions({ concurrency }: FileSetting, store: ExecutionStore) {
  return { name: "bench", store, role: concurrency === 0 ? "client" : "both", maxConcurrent: Math.max(1, concurrency) } as const;
}

interface Coordinator {
  start(input: number): Promise<string>;
  startMany(entries: readonly { input: number }[]): Promise<string[]>;
  pause(): void;
  resume(): void;
  on(type: "execution.completed", listener: () => void): unknown;
  close(): Promise<unknown>;
}

function toSubject(coordinator: Coordinator, store: ExecutionStore, { ended }: FileSetting) {
  coordinator.pause();
  coordinator.on("execution.completed", ended);
  return {
    start: (input: number) => coordinator.start(input),
    startMany: (inputs: readonly number[]) => coordinator.startMany(inputs.map((input) => ({ input }))),
    work: () => coordinator.resume(),
    async close() {
      await coordinator.close();
      await store.close();
    },
  };
}
