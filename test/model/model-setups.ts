import type { ModelSetup } from "./model-state.ts";

/** Three executions, two slots, every way to end. */
export const basicSetup: ModelSetup = {
  executions: [{}, {}, {}],
  maxConcurrent: 2,
  orchestrator: "function",
  commands: ["start", "finish", "fail", "cancel", "settle", "settleFailing"],
};

/** Two executions, one slot, pauses, and at most one record that has ended. */
export const pauseSetup: ModelSetup = {
  executions: [{}, {}],
  maxConcurrent: 1,
  retention: { maxCount: 1 },
  orchestrator: "function",
  commands: ["start", "finish", "cancel", "settle", "pause", "resume"],
};

/** Three executions, one slot, and records that are removed by number, by age and by `cleanup`. */
export const retentionSetup: ModelSetup = {
  executions: [{}, {}, {}],
  maxConcurrent: 1,
  retention: { maxCount: 2, maxAge: 1 },
  orchestrator: "function",
  commands: ["start", "finish", "fail", "cancel", "settle", "tick", "cleanup"],
};

/** One slot, and every way to be stopped: by time, by a cancel, by both, and by the end of patience. */
export const stoppingSetup: ModelSetup = {
  executions: [{ timeout: 1, maxAttempts: 2 }, { timeout: 2 }],
  maxConcurrent: 1,
  retryDelay: 1,
  cancelGrace: 2,
  orchestrator: "function",
  commands: ["start", "finish", "fail", "cancel", "settle", "settleFailing", "settleLate", "tick"],
};

/** Three executions with everything a function can meet. */
export const fullSetup: ModelSetup = {
  executions: [
    { group: "a", timeout: 1, maxAttempts: 2 },
    { group: "a", priority: 1 },
    { group: "b", delay: 1, priority: 1 },
  ],
  maxConcurrent: 2,
  maxConcurrentPerGroup: 1,
  retryDelay: 1,
  cancelGrace: 1,
  orchestrator: "function",
  commands: ["start", "finish", "fail", "cancel", "settle", "settleLate", "pause", "resume", "tick", "setMaxConcurrent"],
  limits: [1, 2],
};

/** Three machines that wait without a slot, are called back by signals, or go on by themselves. */
export const waitingSetup: ModelSetup = {
  executions: [{ timeout: 2, maxAttempts: 2 }, { priority: 1, group: "a" }, { group: "a" }],
  maxConcurrent: 1,
  retryDelay: 1,
  cancelGrace: 1,
  orchestrator: "machine",
  commands: ["start", "finish", "fail", "cancel", "wait", "signal", "wake", "pause", "resume", "tick"],
};
