import type { Clock } from "../ports/clock.ts";
import type { DurableCoordinatorOptions } from "./durable-options.ts";
import type { Patience } from "./durable-patience.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/** What parts of a durable coordinator share beside its worker. */
export interface ClientParts {
  readonly options: DurableCoordinatorOptions<AnyOrchestrator>;
  readonly clock: Clock;
  readonly patience: Patience;
  reportError(error: unknown): void;
}
