import { assert, constantFrom, oneof, property, string, stringMatching, tuple } from "fast-check";
import { expect, test } from "vitest";
import { sqsGroupId, sqsNames } from "../../../src/adapters/aws/sqs-queue-names.ts";

const standard = sqsNames("actorfleet-", { fifo: false });
const { queueOf, asideOf } = standard;
const fifo = sqsNames("p-", { fifo: true });

/** Of characters and endings that could make two names one. */
const name = oneof(
  string({ unit: "grapheme", maxLength: 100 }),
  stringMatching(/^[a_5f/-]{0,5}(-aside|_2daside|_ff[0-9a-f]{32}|\.fifo)?$/),
  tuple(constantFrom("x".repeat(62), "x".repeat(63), "x".repeat(69), "x".repeat(70), "é".repeat(24)), string({ maxLength: 3 })).map(
    (parts) => parts.join(""),
  ),
);

test("ordinary names stay as they are", () => {
  expect(queueOf("reports")).toBe("actorfleet-reports");
  expect(queueOf("My_reports-2")).toBe("actorfleet-My_reports-2");
  expect(asideOf("reports")).toBe("actorfleet-reports-aside");
  expect([fifo.queueOf("reports"), fifo.asideOf("reports")]).toEqual(["p-reports.fifo", "p-reports-aside.fifo"]);
});

test("others are escaped, and long ones end in a hash", () => {
  expect(queueOf("a/b c")).toBe("actorfleet-a_2fb_20c");
  expect(queueOf("a_2fb")).toBe("actorfleet-a_5f2fb");
  expect(queueOf("reports-aside")).toBe("actorfleet-reports_2daside");
  expect(queueOf("x".repeat(100))).toMatch(/^actorfleet-x{34}_ff[0-9a-f]{32}$/);
});

test("every name is one that SQS takes, and no two share a queue, nor one with what another put aside", () => {
  void assert(
    property(name, name, (a, b) => {
      for (const { queueOf, asideOf } of [standard, fifo]) {
        for (const queue of [queueOf(a), asideOf(a)]) expect(queue).toMatch(/^[\w-]{1,80}$|^(?=.{1,80}$)[\w-]+\.fifo$/);
        const all = new Set([queueOf(a), asideOf(a), queueOf(b), asideOf(b)]);
        expect(all.size).toBe(a === b ? 2 : 4);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("groups that differ stay apart, whatever they are called", () => {
  const groups = ["a", "A", "a ", "ü", "", "x".repeat(1_000)].map(sqsGroupId);
  expect(new Set(groups).size).toBe(groups.length);
  for (const group of groups) expect(group).toMatch(/^[0-9a-f]{32}$/);
});
