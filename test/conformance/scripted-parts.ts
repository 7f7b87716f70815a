import type { HarnessClock } from "./harness-clock.ts";
import type { StepResult, Verdict } from "./library.ts";
import { delay, type ExecutorEntry, type OracleEntry, untilAborted } from "./script.ts";

/** The request of a case: the label leads from an execution back to its script. */
export interface CaseRequest {
  readonly id: string;
  readonly prompt: string;
  readonly label?: string;
}

interface CallScope {
  readonly signal: AbortSignal;
  onOutput?(chunk: string): void;
}

/** Does what an entry says an executor does. */
export async function answerFrom(entry: ExecutorEntry, clock: HarnessClock, { signal, onOutput }: CallScope): Promise<StepResult> {
  for (const chunk of entry.chunks) onOutput?.(chunk);
  await delay(clock, entry.delayMs, signal);
  if (entry.untilCancelled) return untilAborted(signal);
  if (entry.error !== undefined) throw new Error(entry.error);
  const { output, success, errorOutput } = entry;
  return { output, success, ...(errorOutput !== undefined && { errorOutput }) };
}

/** Does what an entry says an oracle does. */
export async function judgeFrom(entry: OracleEntry, clock: HarnessClock, signal: AbortSignal): Promise<Verdict> {
  await delay(clock, entry.delayMs, signal);
  if (entry.untilCancelled) return untilAborted(signal);
  if (entry.error !== undefined) throw new Error(entry.error);
  return entry.verdict as unknown as Verdict;
}
