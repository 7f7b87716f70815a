import { describe, expect, it } from "vitest";
import { readCases } from "./conformance-case.ts";
import { runCase } from "./run-case.ts";

const cases = readCases(new URL("cases.json", import.meta.url));
// Beyond the cases of the specification: at least one for each word that only other files of cases use.
const ownCases = readCases(new URL("own-cases.json", import.meta.url));

describe("the cases of the specification", () => {
  for (const conformanceCase of [...cases, ...ownCases]) {
    const { id, rule, title } = conformanceCase;
    it(`${id} (${rule}): ${title}`, async () => {
      const report = await runCase(conformanceCase);
      expect(report).toEqual({ id, outcome: report.outcome === "todo" ? "todo" : "ok" });
    });
  }

  it("wait for a later issue only in the areas of stores, serverless functions and brokers", async () => {
    const reports = await Promise.all(cases.map(runCase));
    const todo = reports.filter(({ outcome }) => outcome === "todo").map(({ id }) => id.split("-")[0]);
    expect([...new Set(todo)].sort()).toEqual(["DST", "PQ", "SLS"]);
  });
});
