import { existsSync, readFileSync } from "node:fs";

/** Reads Vitest's report, names what was skipped, and ends with the line "N passed, N failed". */

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
}

const reportFile = process.argv[2];
if (reportFile === undefined || !existsSync(reportFile)) {
  console.error("The tests left no report: a check before them failed, or they could not start.");
  process.exit(1);
}

const report: Report = JSON.parse(readFileSync(reportFile, "utf8"));
const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed");
// A file that could not be loaded has no tests in the report, yet it failed.
const brokenFiles = report.testResults.filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0);

for (const { fullName, status } of skipped) console.error(`not run (${status}): ${fullName}`);
for (const { name } of brokenFiles) console.error(`could not be loaded: ${name}`);

const failed = report.numFailedTests + brokenFiles.length;
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = failed > 0 || skipped.length > 0 || report.numPassedTests === 0 ? 1 : 0;
