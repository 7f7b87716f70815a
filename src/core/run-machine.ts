import { type AnyActorRef, fromPromise } from "xstate";
import { orchestratorMachine } from "../../machines/orchestrator-machine.ts";
import type * as step from "../model/run-step.ts";
import type { StepFailure, StepInput } from "../model/run-step.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { RunCalls } from "./run-calls.ts";

/** What the machine's actors need of the run they belong to. */
export interface RunOfSystem {
  readonly calls: RunCalls;
  readonly clock: Clock;
  /** From here on no call begins. */
  readonly isCancelled: boolean;
  /** Whether this pass is for another process to begin. */
  holdsBack(input: StepInput): boolean;
  /** Resolves when what the run is by now is saved, where it is saved. */
  saved(): Promise<void>;
  /** The thing itself, for those who want more than its serialised form. */
  threw(thrown: unknown): void;
  /** A call to a part that may still be at work when the run is over. */
  callBegan(): void;
  callEnded(): void;
  /** Hears of what a part threw that a run can do without. */
  reportError(error: unknown): void;
}

/** What becomes of a call that throws, and what of one that is not over when the run is; a `pass` may be left to another process. */
type Need = "pass" | "needed" | "optional" | "human";

type Perform<Output> = (run: RunOfSystem, input: StepInput, signal: AbortSignal) => Promise<Omit<Output, "at">>;

/** The orchestrator machine with its actors, once for all runs: each run is a system of its own, and is found by it. */
export function createRunMachine(runs: WeakMap<AnyActorRef["system"], RunOfSystem>) {
  const call = <Output extends { at: number }>(perform: Perform<Output>, need: Need = "needed") =>
    fromPromise<Output, StepInput>(async ({ input, system, signal }) => {
      const run = runs.get(system);
      if (run === undefined) throw new Error("this machine is run by its orchestrator only");
      // The step that leads here was on its way when the cancel came.
      if (run.isCancelled || (need === "pass" && run.holdsBack(input))) return new Promise<never>(() => {});
      // Nobody waits for a human whose answer is not wanted any more.
      if (need !== "human") run.callBegan();
      try {
        const output = await perform(run, input, signal);
        return { ...output, at: run.clock.monotonicNow() } as Output;
      } catch (thrown) {
        if (need !== "optional") run.threw(thrown);
        else if (!signal.aborted) run.reportError(thrown);
        throw { error: toSerializedError(thrown), at: run.clock.monotonicNow() } satisfies StepFailure;
      } finally {
        if (need !== "human") run.callEnded();
      }
    });
  return orchestratorMachine.provide({
    actors: {
      executeTask: call<step.Executed>((run, input, signal) => run.calls.executeTask(input, signal), "pass"),
      verifyOutput: call<step.Verified>((run, input, signal) => run.calls.verifyOutput(input, signal)),
      provideFallback: call<step.FallbackGiven>((run, input) => run.calls.provideFallback(input), "optional"),
      prepareFinalIteration: call<step.Prepared>((run, input) => run.calls.prepareFinalIteration(input), "optional"),
      forceCompletion: call<step.Forced>((run, input) => run.calls.forceCompletion(input), "optional"),
      checkHuman: call<step.HumanChecked>(async (run) => ({ ...(await run.calls.checkHuman()), now: run.clock.now() }), "human"),
      requestApproval: call<step.Decided>((run, input, signal) => run.calls.requestApproval(input, signal), "human"),
      notifyHuman: call<step.Notified>(async (run, input) => {
        // A crash on the way must not make the same question be put twice.
        await run.saved();
        return run.calls.notifyHuman(input);
      }, "human"),
      requestFeedback: call<step.FeedbackGiven>((run, input, signal) => run.calls.requestFeedback(input, signal), "optional"),
    },
  });
}

export type RunMachine = ReturnType<typeof createRunMachine>;
