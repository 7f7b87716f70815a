import type { AttemptOutcome } from "../model/attempt-outcome.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { ExecutionRecord } from "./execution-record.ts";

/** Where ends are decided when not by the fleet itself: a store that has to accept them before they count. */
export interface AttemptCustody {
  /** Resolves to the outcome that counts; never, when the execution has left the fleet. */
  settle(run: AttemptRun, outcome: AttemptOutcome): Promise<AttemptOutcome>;
  /** Its grace period is over; answered with `execution.abandoned`, unless it leaves. */
  abandon(record: ExecutionRecord): void;
}
