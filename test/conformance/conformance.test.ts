import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { timersInBackground } from "../support/background-timers.ts";
import { readCases } from "./conformance-case.ts";
import { runCase } from "./run-case.ts";
import { closeBackends, openBackends } from "./store-backends.ts";

const cases = readCases(new URL("cases.json", import.meta.url));
// Beyond the cases of the specification: at least one for each word that only other files of cases use.
const ownCases = readCases(new URL("own-cases.json", import.meta.url));

describe("the cases of the specification", () => {
  timersInBackground("ioredis");
  for (const conformanceCase of [...cases, ...ownCases]) {
    const { id, rule, title } = conformanceCase;
    it(`${id} (${rule}): ${title}`, async () => {
      const report = await runCase(conformanceCase);
      expect(report).toMatchObject({ id, outcome: "ok" });
      // Where Postgres does not start, this is no proof.
      expect(JSON.stringify(report)).not.toContain("could not be started");
    }, 120_000);
  }
});

// Here, since what a server leaves on the process until its end is nothing of a single test.
beforeAll(openBackends, 60_000);
afterAll(closeBackends, 60_000);
