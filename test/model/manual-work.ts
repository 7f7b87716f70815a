import { fromPromise, setup } from "xstate";
import type { AnyOrchestrator } from "../../src/index.ts";
import { createManualOrchestrator } from "../../src/testing/index.ts";

/** An orchestrator, function or machine, whose every move is made by the test. */
export interface ManualWork {
  readonly orchestrator: AnyOrchestrator;
  /** Who works, the one that began first in front. */
  working(): string[];
  /** Who is in a state tagged `waiting`. */
  waiting(): string[];
  finish(id: string): void;
  fail(id: string): void;
  /** The machine enters a state tagged `waiting`. */
  wait(id: string): void;
  /** The machine that waits goes on by itself. */
  wake(id: string): void;
}

export function createManualFunction(honoursCancel: boolean): ManualWork {
  const manual = createManualOrchestrator<unknown, string>({ honoursCancel });
  const refuse = () => {
    throw new Error("a function does not wait");
  };
  return {
    orchestrator: manual.orchestrator,
    working: () => [...manual.open],
    waiting: () => [],
    finish: (id) => manual.complete(id, resultOf(id)),
    fail: (id) => manual.fail(id, new Error("failed by the test")),
    wait: refuse,
    wake: refuse,
  };
}

/** Where `signal` sends it on from waiting, the event is `{ type: "go" }`. */
export function createManualMachine(): ManualWork {
  const tasks = createTasks();
  const waits = createTasks();
  const machine = setup({
    types: { output: {} as string, events: {} as { type: "go" } },
    actors: { task: tasks.actor, wait: waits.actor },
    guards: { isToWait: (_, { next }: { next: string }) => next === "wait" },
  }).createMachine({
    id: "manual",
    initial: "working",
    states: {
      working: {
        invoke: {
          src: "task",
          input: ({ self }) => self.id,
          onDone: [{ guard: { type: "isToWait", params: ({ event }) => ({ next: event.output }) }, target: "waiting" }, { target: "done" }],
        },
      },
      waiting: {
        tags: "waiting",
        invoke: { src: "wait", input: ({ self }) => self.id, onDone: "working" },
        on: { go: "working" },
      },
      done: { type: "final" },
    },
    output: ({ self }) => resultOf(self.id),
  });
  return {
    orchestrator: machine,
    working: tasks.open,
    waiting: waits.open,
    finish: (id) => tasks.settle(id).resolve("finish"),
    fail: (id) => tasks.settle(id).reject(new Error("failed by the test")),
    wait: (id) => tasks.settle(id).resolve("wait"),
    wake: (id) => waits.settle(id).resolve("wake"),
  };
}

export function resultOf(id: string): string {
  return `result of ${id}`;
}

/** Promises that the test settles. */
function createTasks() {
  const open = new Map<string, { resolve(next: string): void; reject(error: Error): void }>();
  return {
    actor: fromPromise<string, string>(
      ({ input: id, signal }) =>
        new Promise((resolve, reject) => {
          const task = { resolve, reject };
          open.set(id, task);
          signal.addEventListener("abort", () => {
            if (open.get(id) === task) open.delete(id);
          });
        }),
    ),
    open: () => [...open.keys()],
    settle: (id: string) => {
      const task = open.get(id);
      if (task === undefined) throw new Error(`${id} is not at work there; at work: ${[...open.keys()].join(", ") || "none"}`);
      open.delete(id);
      return task;
    },
  };
}
