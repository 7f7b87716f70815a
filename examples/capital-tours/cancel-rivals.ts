import type { ExecutionEvent } from "../../src/index.ts";
import type { TourProgress } from "./follow-tours.ts";
import type { TourCoordinator } from "./tour-job.ts";

const group = "World";
const iterations = 3;

/**
 * The rule that cancels: tours around the world cost most, so once all of them have had three iterations, only the shortest may go on.
 * Gives the listener that it needs.
 */
export function cancelRivals(coordinator: TourCoordinator, tours: ReadonlyMap<string, TourProgress>) {
  const compared = new Set<string>();
  let isDecided = false;
  async function decide(): Promise<void> {
    const { items } = await coordinator.list({ group });
    const rivals = items.filter(({ status }) => status === "running" || status === "queued");
    if (isDecided || rivals.some(({ id }) => !compared.has(id))) return;
    isDecided = true;
    const [, ...losers] = rivals.toSorted((a, b) => tours.get(a.id)!.lengthKm - tours.get(b.id)!.lengthKm);
    for (const { id } of losers) await coordinator.cancel(id, "another tour around the world is ahead after three iterations");
  }
  return (told: ExecutionEvent) => {
    if (told.type !== "execution.reported" || told.event.type !== "iterationCompleted" || told.event.iteration < iterations) return;
    if (!told.executionId.startsWith(`${group} from `)) return;
    compared.add(told.executionId);
    // Where the coordinator is closed in between, the next process decides.
    decide().catch(() => {});
  };
}
