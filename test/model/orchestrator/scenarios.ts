import type { Scenario } from "./choice-world.ts";

const everything = {
  maxIterations: 2,
  oracle: { maxIterations: 2 },
  autoContinue: { enabled: true },
  retry: { count: 1, delayMs: 10, enableFallback: true },
} as const;

const asked = {
  enabled: true,
  requiredApprovalPoints: ["beforeTaskStart", "oracleUncertain", "taskFailed"],
} as const;

/** Small configurations that together offer every way through the machine. */
export const scenarios: readonly Scenario[] = [
  { name: "no human", tasks: 1, orchestration: { ...everything, completionMode: "untilGoalAchieved" }, pauses: true },
  { name: "failures tolerated", tasks: 2, orchestration: { ...everything, continueOnFailure: true, finalIteration: { enabled: true } } },
  { name: "failures tolerated, one try", tasks: 1, orchestration: { continueOnFailure: true } },
  { name: "one try, then the fallback", tasks: 1, orchestration: { retry: { enableFallback: true } } },
  { name: "a small budget", tasks: 2, orchestration: everything, budget: { maxTokens: 12 } },
  {
    name: "no oracle, no checkpoints",
    tasks: 1,
    orchestration: { oracle: { enabled: false }, enableCheckpointing: false },
    lateTask: true,
  },
  {
    name: "goal only",
    tasks: 2,
    orchestration: { ...everything, maxIterations: 5, completionMode: "singleGoal" },
    budget: { maxTokens: 40 },
  },
  {
    name: "human asked",
    tasks: 1,
    human: "requestApproval",
    orchestration: {
      ...everything,
      continueOnFailure: true,
      retry: { count: 0 },
      humanInTheLoop: { ...asked, requestFeedbackOnComplete: true },
    },
  },
  {
    name: "human asked, one pass",
    tasks: 1,
    human: "requestApproval",
    orchestration: { oracle: { maxIterations: 1 }, humanInTheLoop: { enabled: true, requiredApprovalPoints: ["oracleUncertain"] } },
  },
  {
    name: "human notified, no answer is no",
    tasks: 1,
    human: "notify",
    orchestration: { ...everything, retry: { count: 0 }, humanInTheLoop: { ...asked, autoApproveOnTimeout: false } },
  },
];

/** The same, with a human who is asked before a restore. */
export function askingBeforeRestore(scenario: Scenario): Scenario {
  const { humanInTheLoop } = scenario.orchestration;
  const requiredApprovalPoints = [...(humanInTheLoop?.requiredApprovalPoints ?? []), "beforeCheckpointRestore"] as const;
  return {
    ...scenario,
    orchestration: { ...scenario.orchestration, humanInTheLoop: { ...humanInTheLoop, enabled: true, requiredApprovalPoints } },
  };
}
