import type { Actor, AnyStateMachine } from "xstate";
import { CheckpointRefusedError } from "../model/checkpoint-errors.ts";
import { ExecutionCancelledError } from "../model/errors.ts";
import { isRunCheckpoint, type RunCheckpoint } from "../model/run-checkpoint.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { RunRequest } from "../model/run-task.ts";
import type { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import type { HostMachine } from "./hosted-machine.ts";
import type { RestoredMachine } from "./running-attempt.ts";

/** How far a run has come, as an execution shows it. */
export interface RunShown {
  readonly state: string;
  readonly iteration: number;
  readonly pass: number;
}

/** States that last; the others are passed through within a moment. */
const lasting = new Set([
  "executing",
  "retrying",
  "fallingBack",
  "verifying",
  "askingHuman",
  "requestingFeedback",
  "forcingCompletion",
  "paused",
]);

const signals = new Set(["human.answered", "task.enqueue", "run.pause", "run.resume"]);

/** A run of the autonomous orchestrator: the input is its first request, its outcome the result. A run of its own for each attempt. */
export function autonomousMachine(orchestrator: AutonomousOrchestrator, inspect: InspectionObserver | undefined): HostMachine {
  return (input, host, keeper, clock) => {
    const { executionId, attempt, settings } = host;
    const run = orchestrator.createRun(input as RunRequest, {
      executionId,
      sessionId: `${executionId}#${attempt}`,
      settings,
      clock,
      inspect,
      onEvent: (event: RunEvent) => host.tell(event),
      restored: toRunCheckpoint(keeper.restored, executionId),
      keeper,
    });
    return {
      actor: run.actor as unknown as Actor<AnyStateMachine>,
      start: () => run.start(),
      stop: () => run.cancel(),
      persist: () => run.checkpoint(),
      safePoint: () => run.safePoint,
      entries: () => ({}),
      interrupt: () => {},
      isBusy: () => !run.isAtRest,
      send: (event) => run.send(event as never),
      isSignal: (type) => signals.has(type),
      expects: (event) => event.type === "human.answered" && run.awaits((event as { requestId?: unknown }).requestId),
      toProgress: ({ value, context }) => {
        const state = typeof value === "string" ? value : (Object.keys(value)[0] as string);
        const { iteration, pass } = context.progress;
        return lasting.has(state) ? ({ state, iteration, pass } satisfies RunShown) : undefined;
      },
      toResult: async (output) => {
        const outcome = output as RunOutcome;
        // The slot stays taken until the executor, too, has stopped.
        await run.settled();
        if (outcome.finalState === "stoppedByUser") throw new ExecutionCancelledError(executionId, outcome.reason);
        if (outcome.finalState === "stoppedByError") throw run.thrown;
        return outcome;
      },
    };
  };
}

/** @throws {CheckpointRefusedError} when what was saved is no run. */
function toRunCheckpoint(restored: RestoredMachine | undefined, executionId: string): RunCheckpoint | undefined {
  const saved = restored?.snapshot;
  if (saved === undefined || isRunCheckpoint(saved)) return saved;
  throw new CheckpointRefusedError(executionId, "it is no checkpoint of an autonomous run, version 1");
}
