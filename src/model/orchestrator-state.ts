import type { StateValue } from "xstate";

/** Where the machine of an execution stands. */
export interface OrchestratorState {
  readonly value: StateValue;
  /** Types of the signals that it has a transition for now. */
  readonly accepts: readonly string[];
}
