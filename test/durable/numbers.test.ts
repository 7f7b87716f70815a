import { expect, test } from "vitest";
import type { DurableStartOptions } from "../../src/core/durable-options.ts";
import { InvalidOptionsError } from "../../src/model/errors.ts";
import { describeDurable } from "./durable-world.ts";

const numbers = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1, 1.5, 2 ** 31, 2 ** 53, 1e300, "5", null];
const backoff = (part: object) => ({ retry: { maxAttempts: 2, backoff: { type: "exponential", ...part } } });

/** A start with this number, and the numbers that it refuses. */
const places: Readonly<Record<string, readonly [start: (number: unknown) => object, refused: readonly unknown[]]>> = {
  delayMs: [(delayMs) => ({ delayMs }), [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53, 1e300, "5", null]],
  timeoutMs: [(timeoutMs) => ({ timeoutMs }), [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1.5, 2 ** 53, 1e300, "5", null]],
  priority: [(priority) => ({ priority }), [Number.NaN, Number.POSITIVE_INFINITY, "5", null]],
  "retry.maxAttempts": [(maxAttempts) => ({ retry: { maxAttempts } }), [Number.NaN, -1, 0, 1.5, 2 ** 53, 1e300, "5", null]],
  "retry.backoff.delayMs": [(delayMs) => backoff({ delayMs }), [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53, 1e300, "5", null]],
  "retry.backoff.maxDelayMs": [
    (maxDelayMs) => backoff({ maxDelayMs }),
    [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53, 1e300, "5", null],
  ],
  "retry.backoff.factor": [(factor) => backoff({ factor, delayMs: 1 }), [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, "5", null]],
  "retry.backoff.jitter": [
    (jitter) => backoff({ jitter }),
    [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, "5", null],
  ],
};

describeDurable("numbers of a start", (world) => {
  test("are refused by name before anything is written, or are stored, read and run like any other", async () => {
    const orchestrator = async (input: string) => {
      if (input === "fails") throw new Error("as planned");
      return input;
    };
    const client = world().client({ orchestrator });
    const told: [string, unknown][] = [];
    const accepted: string[] = [];
    for (const [field, [toOptions]] of Object.entries(places)) {
      for (const number of numbers) {
        const options = toOptions(number) as DurableStartOptions;
        for (const start of [
          async () => [await client.start("fails", options)],
          () => client.startMany([{ input: "fine" }, { input: "fails", options }]),
        ]) {
          try {
            accepted.push(...(await start()));
          } catch (error) {
            expect(error, `${field}: ${String(number)}`).toBeInstanceOf(InvalidOptionsError);
            expect((error as InvalidOptionsError).message).toContain(field);
            told.push([field, number]);
          }
        }
      }
    }
    const expected = Object.entries(places).flatMap(([field, [, refused]]) =>
      refused.flatMap((number) => [
        [field, number],
        [field, number],
      ]),
    );
    expect(told.map(String).toSorted()).toEqual(expected.map(String).toSorted());
    const worker = world().worker({ orchestrator, maxConcurrent: 50 });
    // The last in every order: all others were claimed and written about before.
    await client.waitFor(await client.start("last", { priority: -1e307 }));
    for (const id of accepted) expect(await client.getStatus(id)).toMatchObject({ id });
    expect((await client.list({ limit: 1_000 })).items.length).toBe(accepted.length + 1);
    const [endless] = await client.startMany([{ input: "fails", options: { retry: { maxAttempts: Number.POSITIVE_INFINITY } } }]);
    expect((await client.getStatus(endless as string))?.maxAttempts).toBe(Number.POSITIVE_INFINITY);
    await worker.close({ deadlineMs: 0 });
  });

  test("of a coordinator are refused, or harmless", async () => {
    const orchestrator = async (_: null) => {};
    for (const [field, options] of Object.entries({
      leaseMs: { leaseMs: 30_000.5 },
      timeoutMs: { timeoutMs: 1.5 },
      "retry.backoff.delayMs": { retry: { backoff: { type: "exponential", delayMs: 0.1 } } },
    } as const))
      expect(() => world().client({ orchestrator, ...options })).toThrow(field);
    const both = world().coordinator({
      orchestrator,
      pollMs: 20.5,
      cancelGraceMs: 1.5,
      maxTakeovers: Number.POSITIVE_INFINITY,
      retention: { maxAgeMs: 1e12 + 0.5 },
      rateLimit: { limit: 1_000, intervalMs: 0.5 },
    });
    await both.waitFor(await both.start(null));
    expect(await both.cleanup({ olderThanMs: 1e300 })).toBe(0);
    expect(await both.cleanup({ olderThanMs: 1e12 + 0.5 })).toBe(0);
  });
});
