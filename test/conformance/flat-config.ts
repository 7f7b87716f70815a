import { UnknownWordError } from "./conformance-case.ts";
import type { SettingsInput } from "./library.ts";
import { toCamelCase } from "./spelling.ts";

const paths: Readonly<Record<string, string>> = {
  maxIterations: "maxIterations",
  completionMode: "completionMode",
  enableCheckpointing: "enableCheckpointing",
  continueOnFailure: "continueOnFailure",
  enableOracle: "oracle.enabled",
  maxOracleIterations: "oracle.maxIterations",
  minConfidenceThreshold: "confidence.minThreshold",
  humanReviewConfidenceThreshold: "confidence.humanReviewThreshold",
  enableHumanInTheLoop: "humanInTheLoop.enabled",
  autoApproveOnTimeout: "humanInTheLoop.autoApproveOnTimeout",
  requestFeedbackOnComplete: "humanInTheLoop.requestFeedbackOnComplete",
  requiredApprovalPoints: "humanInTheLoop.requiredApprovalPoints",
  enableContextTracking: "context.enableTracking",
  enableReflection: "context.enableReflection",
  maxContextLearnings: "context.maxLearnings",
  maxContextOutputs: "context.maxOutputs",
  autoContinueOnOracle: "autoContinue.enabled",
  autoContinuePromptTemplate: "autoContinue.promptTemplate",
  autoContinueOnIncomplete: "autoContinue.onIncomplete",
  inferCanContinueFromComplete: "autoContinue.inferCanContinue",
  retryOnFailureCount: "retry.count",
  retryDelayMs: "retry.delayMs",
  enableFallbackStrategy: "retry.enableFallback",
  enableFinalIterationStrategy: "finalIteration.enabled",
};

/** Settings from the flat names of cases. */
export function toSettings(config: Readonly<Record<string, unknown>>): SettingsInput {
  const orchestration: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(config)) {
    const path = Object.hasOwn(paths, name) ? paths[name] : undefined;
    if (path === undefined) throw new UnknownWordError(`setting ${name}`, Object.keys(paths));
    const [block, field] = path.split(".") as [string, string?];
    if (field === undefined) {
      orchestration[block] = fromCase(name, value);
    } else {
      orchestration[block] = { ...(orchestration[block] as object | undefined), [field]: fromCase(name, value) };
    }
  }
  return { orchestration };
}

function fromCase(name: string, value: unknown): unknown {
  if (name === "completionMode") return toCamelCase(String(value));
  if (name === "requiredApprovalPoints") return (value as readonly string[]).map(toCamelCase);
  return value;
}
