import { fromPromise } from "xstate";
import {
  type ExecutionContext,
  type ExecutionInput,
  type ExecutionMachineEvent,
  executionChanges,
  executionGuards,
  executionMachine,
} from "../../machines/execution-machine.ts";
import type { AttemptOutcome } from "../model/attempt-outcome.ts";
import { type ChartRef, createChartLogic } from "./chart-logic.ts";
import { createChartTable } from "./chart-table.ts";

/** Which states an execution is in. */
export type ExecutionValue =
  | { readonly queued: "ready" | "delayed" }
  | { readonly running: "working" | "waiting" | "cancelling" | "timingOut" }
  | "completed"
  | "failed"
  | "cancelled";

/** The actor of one execution. */
export type ExecutionRef = ChartRef<ExecutionValue, ExecutionContext, ExecutionMachineEvent>;

/** What an execution has done for it. */
export interface ExecutionEffects {
  run(id: string): Promise<AttemptOutcome>;
  abort(id: string, why: { readonly error: unknown } | { readonly reason: string | undefined }): void;
  retryDue(id: string): void;
}

const executionTable = createChartTable(executionMachine, {
  changes: executionChanges,
  effects: ["abortAttempt", "reportRetry"],
  guards: executionGuards,
});

/** The execution machine, run from a table. */
export function createExecutionLogic({ run, abort, retryDue }: ExecutionEffects) {
  return createChartLogic<ExecutionValue, ExecutionContext, ExecutionMachineEvent, ExecutionInput>(executionMachine, executionTable, {
    actors: { runAttempt: fromPromise<AttemptOutcome, { executionId: string }>(({ input }) => run(input.executionId)) },
    effects: { abortAttempt: ({ id }, why) => abort(id, why), reportRetry: ({ id }) => retryDue(id) },
  });
}
