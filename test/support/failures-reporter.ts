import type { Reporter, TestCase } from "vitest/node";

/** Says at once what failed and why, so that a run which is ended in the middle has said it, too. */
export const failuresReporter: Reporter = {
  onTestCaseResult(testCase: TestCase) {
    const { state, errors } = testCase.result();
    if (state !== "failed") return;
    for (const { message } of errors) console.error(`failed: ${testCase.fullName}: ${message.slice(0, 2_000)}`);
  },
};
