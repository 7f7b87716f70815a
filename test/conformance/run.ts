import { parseArgs } from "node:util";
import { readCases } from "./conformance-case.ts";
import { runCase } from "./run-case.ts";
import { closeBackends } from "./store-backends.ts";

/** `npm run conformance -- --cases <file>`: one line per case, then the totals; exits 1 if a case failed. */

const { values } = parseArgs({ options: { cases: { type: "string" } } });
const cases = readCases(values.cases ?? new URL("cases.json", import.meta.url));

const totals = { ok: 0, failed: 0, notApplicable: 0 };
const reasons = new Map<string, number>();
for (const conformanceCase of cases) {
  const report = await runCase(conformanceCase);
  totals[report.outcome] += 1;
  if (report.outcome === "failed") console.log(`FAIL ${report.id} ${report.why.replaceAll("\n", " ")}`);
  else console.log(`${report.outcome === "ok" ? "ok" : "n/a"} ${report.id}`);
  const notIn = report.outcome === "failed" ? [] : (report.notIn ?? []);
  for (const reason of notIn) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}
await closeBackends();
for (const [reason, times] of reasons) console.log(`n/a ${times} times: ${reason}`);
console.log(`${totals.ok} passed, ${totals.failed} failed${totals.notApplicable > 0 ? `, ${totals.notApplicable} n/a` : ""}`);
// Said outright: the package that starts Postgres has an exit hook, which forgets `process.exitCode`.
process.exit(totals.failed > 0 ? 1 : 0);
