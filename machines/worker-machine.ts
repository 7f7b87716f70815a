import { setup } from "xstate";

/** What changes a worker's mode. */
export type WorkerModeEvent =
  | { type: "worker.wake" }
  | { type: "worker.claimed" }
  | { type: "worker.claimFailed" }
  | { type: "worker.backoffOver" }
  | { type: "worker.pause" }
  | { type: "worker.resume" }
  | { type: "worker.drain" }
  | { type: "worker.close" };

/**
 * The modes of a worker. `idle` waits until there may be work and room for it, `claiming` asks the store (`woken`: something came up
 * meanwhile, so ask again), `backingOff` waits because the store could not be reached. `paused` claims nothing, `draining` claims nothing any
 * more, `closed` holds nothing.
 */
export const workerMachine = setup({
  types: { events: {} as WorkerModeEvent },
}).createMachine({
  id: "worker",
  initial: "idle",
  on: { "worker.pause": ".paused", "worker.drain": ".draining", "worker.close": ".closed" },
  states: {
    idle: {
      on: { "worker.wake": "claiming" },
    },
    claiming: {
      on: { "worker.wake": "woken", "worker.claimed": "idle", "worker.claimFailed": "backingOff" },
    },
    woken: {
      on: { "worker.claimed": "claiming", "worker.claimFailed": "backingOff" },
    },
    backingOff: {
      on: { "worker.backoffOver": "claiming" },
    },
    paused: {
      on: { "worker.resume": "claiming" },
    },
    draining: {
      on: { "worker.pause": undefined, "worker.drain": undefined },
    },
    closed: { type: "final" },
  },
});

/** The modes of a worker. */
export type WorkerMode = "idle" | "claiming" | "woken" | "backingOff" | "paused" | "draining" | "closed";
