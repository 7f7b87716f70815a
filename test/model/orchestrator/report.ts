// Prints which generated path covers which states and transitions: node test/model/orchestrator/report.ts
import { coverageReport, generatePaths } from "./paths.ts";
import { scenarios } from "./scenarios.ts";

process.stdout.write(`${coverageReport(await generatePaths(scenarios, new Set()))}\n`);
