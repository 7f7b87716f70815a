import type { RunRequest, StepResult } from "../model/run-task.ts";
import { AutonomousOrchestrator, type AutonomousOrchestratorOptions } from "./autonomous-orchestrator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/** A coordinator of autonomous runs, given the parts instead of an orchestrator. */
export type AutonomousCoordinatorOptions<Input extends RunRequest, Step extends StepResult> = Omit<
  CoordinatorOptions<AutonomousOrchestrator<Input, Step>>,
  "orchestrator"
> &
  Omit<AutonomousOrchestratorOptions<Input, Step>, "executionId">;

/** Makes the orchestrator where only its parts are given. Whatever is no options object is passed on, to be refused by name. */
export function toCoordinatorOptions(options: unknown): CoordinatorOptions<AnyOrchestrator> {
  if (typeof options !== "object" || options === null || !("executor" in options) || "orchestrator" in options) {
    return options as CoordinatorOptions<AnyOrchestrator>;
  }
  const { executor, oracle, humanInTheLoop, fallback, finalIteration, requestFactory, budget, maxHistory, ...rest } =
    options as unknown as AutonomousCoordinatorOptions<RunRequest, StepResult>;
  const { settings, clock, onError } = rest;
  const given = { oracle, humanInTheLoop, fallback, finalIteration, requestFactory, budget, maxHistory, settings, clock, onError };
  const parts = Object.fromEntries(Object.entries(given).filter(([, part]) => part !== undefined));
  return { ...rest, orchestrator: new AutonomousOrchestrator({ executor, ...parts }) } as unknown as CoordinatorOptions<AnyOrchestrator>;
}
