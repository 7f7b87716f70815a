import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Where to leave a report that a program can read; `.ci/run` sets it. */
const reportFile = process.env.TEST_REPORT;

const projects = ["unit", "http", "telemetry", "contract", "model", "simulation", "conformance", "package"];
const slow = new Set(["http", "model", "simulation", "package"]);

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    reporters: reportFile ? ["default", ["json", { outputFile: reportFile }]] : ["default"],
    projects: projects.map((name) => ({
      extends: true as const,
      test: {
        name,
        environment: "node",
        include: [`test/${name}/**/*.test.ts`],
        setupFiles: ["test/support/leave-nothing-behind.ts"],
        testTimeout: slow.has(name) ? 120_000 : 10_000,
      },
    })),
  },
});
