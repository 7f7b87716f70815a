import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";

/** Rejects with `StoreUnavailableError` when the answer takes longer; what comes after that is nobody's. */
export function inTime<Result>(clock: Clock, what: string, answer: Promise<Result>, timeoutMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new StoreUnavailableError(`${what}: no answer within ${timeoutMs} ms`)), timeoutMs, true);
    answer.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}
