import { ActorfleetError } from "./errors.ts";

/** A run can only begin when the one before has ended; the run in hand is not touched. */
export class AlreadyRunningError extends ActorfleetError {
  readonly code = "ALREADY_RUNNING";
  readonly executionId: string;

  constructor(executionId: string, state: string) {
    super(`the orchestrator of execution ${JSON.stringify(executionId)} is running already (${state}); wait for its end, or cancel it`);
    this.executionId = executionId;
  }
}
