import { setup } from "xstate";

/** What changes a supervisor's mode. */
export type SupervisorModeEvent =
  | { type: "supervisor.pause" }
  | { type: "supervisor.resume" }
  | { type: "supervisor.drain" }
  | { type: "supervisor.close" };

/**
 * The modes of a supervisor. `accepting` takes and admits executions, `paused` takes them and admits none, `draining` admits what it has and
 * takes no more, `closed` does neither.
 */
export const supervisorMachine = setup({
  types: { events: {} as SupervisorModeEvent },
}).createMachine({
  id: "supervisor",
  initial: "accepting",
  states: {
    accepting: {
      on: { "supervisor.pause": "paused", "supervisor.drain": "draining", "supervisor.close": "closed" },
    },
    paused: {
      on: { "supervisor.resume": "accepting", "supervisor.drain": "draining", "supervisor.close": "closed" },
    },
    draining: {
      on: { "supervisor.close": "closed" },
    },
    closed: { type: "final" },
  },
});

/** The modes of a supervisor. */
export type SupervisorMode = "accepting" | "paused" | "draining" | "closed";
