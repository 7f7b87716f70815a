import { expect, it } from "vitest";
import { backoffDelayMs } from "../../../src/model/retry-policy.ts";

it("the delay grows by the factor from delayMs to at most maxDelayMs", () => {
  const delays = [1, 2, 3, 4].map((failures) =>
    backoffDelayMs({ delayMs: 100, factor: 3, maxDelayMs: 800, jitter: 0 }, failures, () => 0.5),
  );
  expect(delays).toEqual([100, 300, 800, 800]);
});

it("by default it begins at a second, doubles, ends at a minute, and half of it is left to chance", () => {
  expect(backoffDelayMs({}, 1, () => 0)).toBe(1_000);
  expect(backoffDelayMs({}, 2, () => 0.5)).toBe(1_500);
  expect(backoffDelayMs({}, 50, () => 0)).toBe(60_000);
});

it("is a finite number of milliseconds after any number of failures", () => {
  for (const backoff of [{ delayMs: 0 }, { delayMs: 0, factor: 1e300 }, { factor: 1e300 }, { delayMs: 1e-300 }]) {
    for (const failures of [1, 2, 3, 1_100, 1e9]) {
      const delayMs = backoffDelayMs(backoff, failures, () => 0.5);
      expect(Number.isFinite(delayMs) && delayMs >= 0, `${JSON.stringify(backoff)} after ${failures}: ${delayMs}`).toBe(true);
    }
  }
});
