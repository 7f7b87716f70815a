import * as z from "zod";
import type { Secret } from "./secret.ts";
import { decimal, filledText, flag, listOf, oneOf, optionalDecimal, optionalSecret, optionalText, wholeNumber } from "./setting-fields.ts";

/** When a run of the autonomous orchestrator ends. */
const completionModes = ["untilQueueEmpty", "singleGoal", "untilGoalAchieved"] as const;

/** The points at which a human can be asked. The loop itself asks at four of them, user code at any. */
const approvalPoints = [
  "beforeTaskStart",
  "afterTaskComplete",
  "oracleUncertain",
  "taskFailed",
  "highRiskAction",
  "externalModification",
  "maxIterationsApproaching",
  "beforeCheckpointRestore",
] as const;

const unitInterval = { min: 0, max: 1 };

/** Names, defaults, checks and types of all settings. YAML writes the same names in snake_case. */
export const settingsSchema = block({
  llm: block({
    endpoint: optionalText("absolute URL, otherwise none"),
    apiKey: optionalSecret(),
    model: optionalText(),
    maxOutputTokens: wholeNumber(200, { min: 1 }),
    temperature: decimal(0.7, { min: 0, max: 2 }),
    topP: optionalDecimal(unitInterval),
    frequencyPenalty: optionalDecimal({ min: -2, max: 2 }),
    presencePenalty: optionalDecimal({ min: -2, max: 2 }),
    timeoutSeconds: wholeNumber(60, { min: 1 }),
    enableDebugOutput: flag(false),
  }),
  orchestration: block({
    maxIterations: wholeNumber(10, { min: 1 }),
    completionMode: oneOf(completionModes, "untilQueueEmpty"),
    enableCheckpointing: flag(true),
    continueOnFailure: flag(false),
    oracle: block({ enabled: flag(true), maxIterations: wholeNumber(5, { min: 1 }) }),
    confidence: block({ minThreshold: decimal(0.7, unitInterval), humanReviewThreshold: decimal(0.5, unitInterval) }),
    humanInTheLoop: block({
      enabled: flag(false),
      autoApproveOnTimeout: flag(true),
      requestFeedbackOnComplete: flag(false),
      requiredApprovalPoints: listOf(approvalPoints),
    }),
    context: block({
      enableTracking: flag(true),
      enableReflection: flag(true),
      maxLearnings: wholeNumber(10, { min: 0 }),
      maxOutputs: wholeNumber(5, { min: 0 }),
    }),
    autoContinue: block({
      enabled: flag(false),
      promptTemplate: filledText("Continue with iteration {iteration}"),
      onIncomplete: flag(false),
      inferCanContinue: flag(false),
    }),
    retry: block({ count: wholeNumber(0, { min: 0 }), delayMs: wholeNumber(1_000, { min: 0 }), enableFallback: flag(false) }),
    finalIteration: block({ enabled: flag(false) }),
  }),
  debug: block({ enabled: flag(false), showLlmResponses: flag(false), showTokenUsage: flag(false), showReasoning: flag(false) }),
});

/** All settings with their defaults filled in. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;

/** The block `llm`. */
export type LlmSettings = Settings["llm"];
/** The block `orchestration`. */
export type OrchestrationSettings = Settings["orchestration"];

/** Settings as given in code: any part of them, `apiKey` also as plain text. */
export type SettingsInput = DeepPartial<Settings>;

type DeepReadonly<Value> = Value extends Secret | string | number | boolean | undefined
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly DeepReadonly<Item>[]
    : { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> };

type DeepPartial<Value> = Value extends Secret
  ? Value | string
  : Value extends string | number | boolean | undefined | readonly unknown[]
    ? Value
    : { readonly [Key in keyof Value]?: DeepPartial<Value[Key]> | undefined };

function block<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const object = z.strictObject(shape);
  // The defaults of the fields apply also where the whole block is left out.
  return object.prefault({} as z.input<typeof object>);
}
