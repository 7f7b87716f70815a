import { type Coordinator, createCoordinator } from "../../../src/core/coordinator.ts";
import type { CoordinatorOptions } from "../../../src/core/coordinator-options.ts";
import type { ExecutionEvent } from "../../../src/model/execution-event.ts";
import { createManualOrchestrator, type ManualOrchestrator, sequentialIds, VirtualClock } from "../../../src/testing/index.ts";

type ManualOptions = Omit<CoordinatorOptions<ManualOrchestrator<unknown, unknown>["orchestrator"]>, "orchestrator"> & {
  honoursCancel?: boolean;
};

export interface ManualSetup {
  readonly clock: VirtualClock;
  readonly work: ManualOrchestrator<unknown, unknown>;
  readonly coordinator: Coordinator<unknown, unknown>;
  readonly events: ExecutionEvent[];
  readonly errors: unknown[];
  /** `type id` of every event so far, without the prefix of the type. */
  told(): string[];
  /** Ids in the order in which their attempts began. */
  begun(): string[];
}

/** A coordinator on a virtual clock, its work in the hands of the test, its events and reported errors on record. */
export function createManualSetup({ honoursCancel = true, ...options }: ManualOptions = {}): ManualSetup {
  const clock = new VirtualClock();
  const work = createManualOrchestrator<unknown, unknown>({ honoursCancel });
  const errors: unknown[] = [];
  const coordinator: Coordinator<unknown, unknown> = createCoordinator({
    orchestrator: work.orchestrator,
    clock,
    generateId: sequentialIds("e"),
    onError: (error) => errors.push(error),
    ...options,
  });
  const events: ExecutionEvent[] = [];
  coordinator.on("*", (event) => events.push(event));
  return {
    clock,
    work,
    coordinator,
    events,
    errors,
    told: () => events.map(({ type, executionId }) => `${type.replace("execution.", "")} ${executionId}`),
    begun: () => work.calls.map(({ executionId }) => executionId),
  };
}
