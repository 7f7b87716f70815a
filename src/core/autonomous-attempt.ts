import type { OrchestratorContext } from "../../machines/orchestrator-setup.ts";
import { ExecutionCancelledError } from "../model/errors.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { RunRequest } from "../model/run-task.ts";
import type { Clock } from "../ports/clock.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import type { AutonomousRun } from "./autonomous-run.ts";
import { type MachineSubject, subjectAttempt } from "./machine-attempt.ts";
import type { AttemptHost, BeginAttempt } from "./running-attempt.ts";

/** What is needed of an autonomous orchestrator to run it as an attempt. */
export interface RunMaker {
  createRun(input: RunRequest, options: { executionId: string; settings?: SettingsInput | undefined; clock?: Clock }): AutonomousRun;
}

/** What a run shows as `progress` in the record of its execution. */
export interface AutonomousProgress {
  /** The state of the orchestrator machine at its top. */
  readonly state: string;
  readonly iteration: number;
  readonly pass: number;
}

/** Where a run stays for a while; between these it is on its way. */
const restingStates: ReadonlySet<string> = new Set([
  "executing",
  "retrying",
  "fallingBack",
  "verifying",
  "askingHuman",
  "requestingFeedback",
  "preparingFinalIteration",
  "forcingCompletion",
  "paused",
]);

const signalTypes: ReadonlySet<string> = new Set(["human.answered", "task.enqueue", "run.pause", "run.resume"]);

/** Runs an autonomous orchestrator as an attempt: its input is the first task. `settingsOf` gives the settings of one start. */
export function autonomousAttempt(
  orchestrator: RunMaker,
  clock: Clock,
  settingsOf: (host: AttemptHost) => SettingsInput | undefined = () => undefined,
): BeginAttempt {
  return subjectAttempt((input, host, heldClock) => {
    const run = orchestrator.createRun(input as RunRequest, {
      executionId: host.executionId,
      settings: settingsOf(host),
      clock: heldClock,
    });
    return toSubject(run, host);
  }, clock);
}

function toSubject(run: AutonomousRun, host: AttemptHost): MachineSubject {
  return {
    machine: run.machine as unknown as MachineSubject["machine"],
    actor: run.actor as unknown as MachineSubject["actor"],
    result: run.settled().then((outcome) => toResult(outcome, run, host)),
    start: () => run.start(),
    stop: () => void run.cancel(),
    send: (event) => run.send(event as Parameters<AutonomousRun["send"]>[0]),
    isSignal: (type) => signalTypes.has(type),
    progressOf: ({ value, context }) => {
      const state = typeof value === "string" ? value : (Object.keys(value)[0] ?? "");
      const { iteration, pass } = (context as OrchestratorContext).progress;
      return restingStates.has(state) ? ({ state, iteration, pass } satisfies AutonomousProgress) : undefined;
    },
  };
}

/** Stopped by a user is cancelled, stopped by an error is failed with what was thrown, everything else is a result. */
function toResult(outcome: RunOutcome, run: AutonomousRun, host: AttemptHost): RunOutcome {
  if (host.signal.aborted) throw host.signal.reason;
  if (outcome.finalState === "stoppedByUser") throw new ExecutionCancelledError(host.executionId, outcome.reason);
  if (outcome.finalState === "stoppedByError") throw run.thrown ?? outcome.error;
  return outcome;
}
