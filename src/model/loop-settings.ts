/** When a run ends by itself. */
export type CompletionMode = "untilQueueEmpty" | "singleGoal" | "untilGoalAchieved";

/** Where a human can be asked. The loop asks at `beforeTaskStart`, `oracleUncertain`, `taskFailed` and `beforeCheckpointRestore`, user code at any. */
export type ApprovalPoint =
  | "beforeTaskStart"
  | "afterTaskComplete"
  | "oracleUncertain"
  | "taskFailed"
  | "highRiskAction"
  | "externalModification"
  | "maxIterationsApproaching"
  | "beforeCheckpointRestore";

/** What the two loops need of the settings: the `orchestration` block of `Settings` fits. */
export interface LoopSettings {
  readonly maxIterations: number;
  readonly completionMode: CompletionMode;
  readonly enableCheckpointing: boolean;
  readonly continueOnFailure: boolean;
  readonly oracle: { readonly enabled: boolean; readonly maxIterations: number };
  readonly confidence: { readonly minThreshold: number; readonly humanReviewThreshold: number };
  readonly humanInTheLoop: {
    readonly enabled: boolean;
    readonly autoApproveOnTimeout: boolean;
    readonly requestFeedbackOnComplete: boolean;
    readonly requiredApprovalPoints: readonly ApprovalPoint[];
  };
  readonly context: {
    readonly enableTracking: boolean;
    readonly enableReflection: boolean;
    readonly maxLearnings: number;
    readonly maxOutputs: number;
  };
  readonly autoContinue: {
    readonly enabled: boolean;
    readonly promptTemplate: string;
    readonly onIncomplete: boolean;
    readonly inferCanContinue: boolean;
  };
  readonly retry: { readonly count: number; readonly delayMs: number; readonly enableFallback: boolean };
  readonly finalIteration: { readonly enabled: boolean };
}
