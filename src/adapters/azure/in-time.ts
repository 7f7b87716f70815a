import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";

/** Rejects with `StoreUnavailableError`, after `late`, when the answer takes longer; what comes after that is nobody's. */
export function inTime<Result>(
  clock: Clock,
  what: string,
  answer: Promise<Result>,
  timeoutMs: number,
  late: () => void = () => {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      late();
      reject(new StoreUnavailableError(`${what}: no answer within ${timeoutMs} ms`));
    };
    const timer = clock.setTimeout(giveUp, timeoutMs, true);
    answer.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}
