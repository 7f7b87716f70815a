import type { Reporter, TestModule } from "vitest/node";
import { findPostgres } from "./postgres-binaries.ts";

/** Says why tests were skipped for want of a Postgres. In CI a skipped test is a failure, whatever the reason: names each and fails the run. */
export const skipsReporter: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    const postgres = findPostgres();
    if (typeof postgres === "string") {
      const count = skipped.filter(({ fullName }) => fullName.includes(postgres)).length;
      if (count > 0) console.error(`${count} tests were skipped: ${postgres}`);
    }
    if (process.env.CI !== "true" || skipped.length === 0) return;
    for (const { fullName } of skipped) console.error(`skipped, which CI does not allow: ${fullName}`);
    process.exitCode = 1;
  },
};
