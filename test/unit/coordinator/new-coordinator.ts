import { type Coordinator, type CoordinatorOptions, createCoordinator, type ExecutionScope } from "../../../src/index.ts";
import { createManualOrchestrator, type ManualOrchestrator, sequentialIds, VirtualClock } from "../../../src/testing/index.ts";

type Options = Partial<Omit<CoordinatorOptions<(input: string, scope: ExecutionScope) => Promise<string>>, "orchestrator">>;

export interface ManualWorld {
  clock: VirtualClock;
  work: ManualOrchestrator<string, string>;
  errors: unknown[];
  coordinator: Coordinator<string, string>;
}

/** A coordinator on a virtual clock, whose work the test ends by hand. Its executions are `a-1`, `a-2`, … */
export function manualWorld(options: Options = {}, honoursCancel = true): ManualWorld {
  const clock = new VirtualClock({ now: 1_000 });
  const work = createManualOrchestrator<string, string>({ honoursCancel });
  const errors: unknown[] = [];
  const coordinator = createCoordinator({
    orchestrator: work.orchestrator,
    clock,
    generateId: sequentialIds("a-"),
    random: () => 0,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { clock, work, errors, coordinator };
}
