import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { failuresReporter } from "./support/failures-reporter.ts";
import { FileOrder } from "./support/file-order.ts";
import { skipsReporter } from "./support/skips-reporter.ts";

/** Where to leave a report that a program can read; `.ci/run` sets it. */
const reportFile = process.env.TEST_REPORT;

// Many tests start programs: what these share is compiled once.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../node_modules/.cache/compiled", import.meta.url));

const projects = [
  ...["unit", "http", "telemetry", "contract", "durable", "faults"],
  ...["model", "simulation", "conformance", "cli", "package"],
];
const slow = new Set(["http", "faults", "model", "simulation", "cli", "package"]);
const reporters = ["default" as const, failuresReporter, skipsReporter];

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    reporters: reportFile ? [...reporters, ["json", { outputFile: reportFile }]] : reporters,
    // By itself Vitest leaves one processor alone. More files at once than processors would save the time that some wait for servers, but
    // slow down those that compute beyond their limits.
    maxWorkers: Math.max(availableParallelism(), 2),
    sequence: { sequencer: FileOrder },
    projects: projects.map((name) => ({
      extends: true as const,
      test: {
        name,
        environment: "node",
        include: [`test/${name}/**/*.test.ts`],
        setupFiles: ["test/support/leave-nothing-behind.ts"],
        // Many short files: a fresh process for each would take longer than they do.
        ...((name === "unit" || name === "telemetry") && { isolate: false }),
        // Real processes and servers, after all else: two cores, and leases of a second.
        ...(name === "faults" && { maxWorkers: 2, sequence: { groupOrder: 1 } }),
        testTimeout: slow.has(name) ? 300_000 : 60_000,
        hookTimeout: 120_000,
        // A fact that comes late is a fact: what must come soon is measured by the test that says so.
        expect: { poll: { timeout: 30_000 } },
      },
    })),
  },
});
