import type { Reporter, TestModule } from "vitest/node";

/** In CI a skipped test is a failure: names each and fails the run. */
export const noSkipsReporter: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    for (const test of skipped) console.error(`skipped, which CI does not allow: ${test.fullName} ${test.result().state}`);
    if (skipped.length > 0) process.exitCode = 1;
  },
};
