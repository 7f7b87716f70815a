import type { Reporter, TestModule } from "vitest/node";

/** As `describeWith` writes it, which this process cannot import: it runs no tests. */
const skipReason = /\(not here: (.*)\)/;

/** Says why tests were skipped. In CI a skipped test is a failure, whatever the reason: names each and fails the run. */
export const skipsReporter: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    const counts = new Map<string, number>();
    for (const { fullName } of skipped) {
      const reason = skipReason.exec(fullName)?.[1];
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    for (const [reason, count] of counts) console.error(`${count} tests were skipped: ${reason}`);
    if (process.env.CI !== "true" || skipped.length === 0) return;
    for (const { fullName } of skipped) console.error(`skipped, which CI does not allow: ${fullName}`);
    process.exitCode = 1;
  },
};
