import { parseArgs } from "node:util";
import { readCases } from "./conformance-case.ts";
import { runCase } from "./run-case.ts";
import { closeBackends } from "./store-backends.ts";

/** `npm run conformance -- --cases <file>`: one line per case, then the totals; exits 1 if a case failed. */

const { values } = parseArgs({ options: { cases: { type: "string" } } });
const cases = readCases(values.cases ?? new URL("cases.json", import.meta.url));

const totals = { ok: 0, failed: 0, notApplicable: 0 };
let worlds = 0;
for (const conformanceCase of cases) {
  const report = await runCase(conformanceCase);
  totals[report.outcome] += 1;
  if (report.outcome === "failed") console.log(`FAIL ${report.id} ${report.why.replaceAll("\n", " ")}`);
  else console.log(`${report.outcome === "ok" ? "ok" : "n/a"} ${report.id}`);
  if (report.outcome !== "failed") worlds += report.notIn ?? 0;
}
await closeBackends();
const rest = totals.notApplicable > 0 ? `, ${totals.notApplicable} n/a` : "";
console.log(
  `${totals.ok} passed, ${totals.failed} failed${rest}${worlds > 0 ? ` (${worlds} times n/a on a store that is its own queue)` : ""}`,
);
process.exitCode = totals.failed > 0 ? 1 : 0;
