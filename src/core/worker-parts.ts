import type { WorkerMode } from "../../machines/worker-machine.ts";
import type { DurableHints } from "./durable-hints.ts";
import type { DurableCoordinatorOptions } from "./durable-options.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import type { Patience } from "./durable-patience.ts";
import type { FleetOptions } from "./fleet-options.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";
import type { WorkerStint } from "./worker-stint.ts";

/** What a worker works with. */
export interface WorkerParts {
  readonly options: DurableCoordinatorOptions<AnyOrchestrator>;
  readonly fleetOptions: FleetOptions;
  readonly patience: Patience;
  /** Where there is a queue beside the store. */
  readonly hints: DurableHints | undefined;
  /** Of a worker that only works off messages, and has only so much time. */
  readonly stint: WorkerStint | undefined;
  readonly owner: string;
  readonly machineId: string;
  generateId(): string;
  ended(end: StoredEnd): void;
  modeChanged(mode: WorkerMode): void;
  /** Swept up: no worker tells their ends. */
  endedUnheld(ids: readonly string[]): Promise<void>;
  unclaimableChanged(unclaimable: number): void;
}
