import fc from "fast-check";
import { expect, test } from "vitest";
import { toServiceBusQueueName, toStorageQueueName } from "../../../src/adapters/azure/index.ts";

/** Names that may well be taken for others. */
const names = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
  fc.stringMatching(/^[a-zA-Z0-9_-]{1,90}$/),
  fc.constantFrom("a", "A", "a-", "a--b", "a-b", "a_b", "x-aside", "aside", "_0041"),
);

test("every name has a queue that Azure takes, and no two share one", () => {
  const asides = (name: string) => [toStorageQueueName(name), `${toStorageQueueName(name)}-aside`];
  fc.assert(
    fc.property(names, names, (one, other) => {
      for (const queue of asides(one)) expect(queue).toMatch(/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(toServiceBusQueueName(one)).toMatch(/^(?=.{1,260}$)[a-z0-9][a-z0-9._-]*[a-z0-9]$/);
      if (one === other) return;
      expect(new Set([...asides(one), ...asides(other)]).size).toBe(4);
      expect(toServiceBusQueueName(one)).not.toBe(toServiceBusQueueName(other));
    }),
    { numRuns: 2_000 },
  );
});

test("what a name becomes could be another's name, and still has a queue of its own", () => {
  for (const name of ["Reports", "x".repeat(300), "x-aside"]) {
    const made = [toStorageQueueName(name, ""), `${toStorageQueueName(name, "")}-aside`];
    for (const other of made) expect(made).not.toContain(toStorageQueueName(other, ""));
  }
  for (const name of ["Reports", "x".repeat(300)]) {
    expect(toServiceBusQueueName(toServiceBusQueueName(name, ""), "")).not.toBe(toServiceBusQueueName(name, ""));
  }
});

test("plain names stay readable", () => {
  expect([toServiceBusQueueName("daily-reports"), toStorageQueueName("daily-reports")]).toEqual(Array(2).fill("actorfleet-daily-reports"));
  expect(toServiceBusQueueName("Reports v2")).toBe("actorfleet-_0052eports_0020v2");
  expect(toStorageQueueName("Reports v2")).toMatch(/^actorfleet-reports-v2-[0-9a-f]{32}$/);
});

test("a name that is too short for a storage queue gets a longer one", () => {
  for (const name of ["a", "ab"]) expect(toStorageQueueName(name, "")).toMatch(/^ab?-[0-9a-f]{32}$/);
  expect(toStorageQueueName("abc", "")).toBe("abc");
});
