import type { SendResult } from "../model/execution.ts";
import { isFinalStatus } from "../model/execution.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { StoredExecution } from "../model/stored-execution.ts";

/**
 * The refusal of a signal that its machine would drop if it came now; undefined where it might be taken, or where nobody knows. It is known
 * of what runs in this process and of what is parked, as long as no signal is on its way that may lead elsewhere.
 */
export function refusalOf(
  type: string,
  record: StoredExecution | undefined,
  here: OrchestratorState | undefined,
  saved: () => OrchestratorState | undefined,
): SendResult | undefined {
  if (record === undefined || isFinalStatus(record.status) || record.lastSignal > record.consumedSignal) return undefined;
  const state = here ?? (record.parked ? saved() : undefined);
  if (state === undefined || state.accepts.some((accepted) => isMatch(accepted, type))) return undefined;
  return { accepted: false, reason: "notAccepted", accepts: state.accepts };
}

/** Transitions for `*` take all, those for `order.*` whatever begins so. */
function isMatch(accepted: string, type: string): boolean {
  if (accepted === "*" || accepted === type) return true;
  return accepted.endsWith(".*") && (type === accepted.slice(0, -2) || type.startsWith(accepted.slice(0, -1)));
}
