import type { RunFinalState } from "../src/model/run-outcome.ts";
import { newProgress } from "../src/model/run-progress.ts";
import { askingHuman, requestingFeedback } from "./asking-human.ts";
import { orchestratorSetup, outcomeOf } from "./orchestrator-setup.ts";
import {
  failureOf,
  goesOnAt,
  humanDecidesAt,
  prepareQuestion,
  refined,
  save,
  step,
  stopBecause,
  stopped,
  taskId,
  tell,
  verdictSays,
} from "./orchestrator-words.ts";

/**
 * The autonomous orchestrator: the outer loop takes tasks from a queue, the inner one executes and asks the oracle. Every state that tells
 * something ends in `proceed`, which comes back as an event: between any two steps a cancel can take effect.
 */
export const orchestratorMachine = orchestratorSetup.createMachine({
  id: "orchestrator",
  context: ({ input }) => {
    const progress = newProgress(input.queue);
    return {
      plan: input.plan,
      progress,
      saved: { position: "takingTask", progress, pauseRequested: false, isAtRest: false },
      restoring: input.restoring,
      pauseRequested: input.restoring?.pauseRequested ?? false,
      beganAt: 0,
      stopReason: undefined,
      errorReason: "task-error",
    };
  },
  output: ({ context, event }) => outcomeOf(context, event.output as RunFinalState),
  on: {
    "task.enqueue": { guard: "isRequest", actions: "enqueueTask" },
    "run.pause": { actions: "requestPause" },
    "run.resume": { actions: "dropPauseRequest" },
    "run.cancel": { target: ".stoppedByUser", actions: stopBecause("cancelled") },
    "fact.reported": { actions: "tellReported" },
  },
  initial: "idle",
  states: {
    idle: {
      on: {
        "run.start": [
          {
            guard: "isRestoring",
            target: "restoring",
            actions: ["beginRun", { type: "readCheckpoint", params: ({ event }) => event.now }],
          },
          { target: "started", actions: "beginRun" },
        ],
        "run.pause": {},
        "run.resume": {},
        "run.cancel": {},
      },
    },
    started: {
      entry: [tell({ type: "started" }), "proceed"],
      on: { proceed: "takingTask" },
    },
    restoring: {
      always: [
        // To go on waiting needs nobody's leave.
        { guard: "wasAtRest", target: "restored" },
        { guard: humanDecidesAt("beforeCheckpointRestore"), target: "askingHuman", actions: prepareQuestion("beforeCheckpointRestore") },
        { target: "restored" },
      ],
    },
    restored: {
      entry: [tell({ type: "checkpointRestored" }), tell({ type: "started" }), "proceed"],
      on: {
        proceed: [
          { guard: goesOnAt("executing"), target: "executing" },
          { guard: goesOnAt("taskCompleted"), target: "reviewingTask" },
          { guard: goesOnAt("taskFailed"), target: "reviewingFailure" },
          { guard: goesOnAt("askingHuman"), target: "resumingQuestion" },
          { guard: goesOnAt("paused"), target: "paused" },
          { target: "takingTask" },
        ],
      },
    },
    resumingQuestion: {
      always: [
        { guard: "humanAnswered", target: "#answered" },
        { guard: "humanNotified", target: "#openQuestion" },
        { target: "askingHuman" },
      ],
    },

    takingTask: {
      entry: save("takingTask"),
      always: [
        { guard: "pauseRequested", target: "paused" },
        { guard: "budgetSpent", target: "stoppedByCondition", actions: "stopForBudget" },
        { guard: "queueDrained", target: "completed" },
        { guard: "iterationsUsedUp", target: "stoppedByMaxIterations" },
        { guard: "queueEmpty", target: "runningOutOfTasks" },
        { guard: "noTaskOfGoal", target: "stoppedByCondition", actions: stopBecause("no-more-tasks") },
        { guard: humanDecidesAt("beforeTaskStart"), target: "askingHuman", actions: prepareQuestion("beforeTaskStart") },
        { target: "startingIteration" },
      ],
    },
    runningOutOfTasks: {
      entry: [tell({ type: "queueEmpty" }), "proceed"],
      on: { proceed: { target: "stoppedByCondition", actions: stopBecause("no-more-tasks") } },
    },
    paused: {
      tags: "waiting",
      entry: ["dropPauseRequest", save("paused"), tell({ type: "paused" })],
      on: { "run.resume": { target: "resuming", actions: "resumeClock" }, "run.pause": {} },
    },
    resuming: {
      entry: [tell({ type: "resumed" }), "proceed"],
      on: { proceed: "takingTask" },
    },

    startingIteration: {
      entry: ["takeTask", "announceIteration", "proceed"],
      on: { proceed: [{ guard: "finalStrategyAsked", target: "preparingFinalIteration" }, { target: "startingTask" }] },
    },
    preparingFinalIteration: {
      invoke: {
        src: "prepareFinalIteration",
        input: step,
        onDone: [
          {
            guard: ({ event }) => event.output.request !== undefined,
            target: "startingTask",
            actions: {
              type: "changeRequest",
              params: ({ event, context }) => event.output.request ?? { id: taskId(context), prompt: context.progress.prompt },
            },
          },
          { target: "startingTask" },
        ],
        onError: "startingTask",
      },
    },
    startingTask: {
      entry: [
        save("executing"),
        tell(({ context }) => ({ type: "taskStarted", taskId: taskId(context), prompt: context.progress.prompt })),
        "proceed",
      ],
      on: { proceed: "executing" },
    },

    executing: {
      entry: "countTry",
      invoke: {
        src: "executeTask",
        input: step,
        onDone: { target: "weighingTry", actions: { type: "keepResult", params: ({ event }) => event.output } },
        onError: { target: "weighingTry", actions: { type: "keepTaskError", params: failureOf } },
      },
    },
    weighingTry: {
      always: [
        { guard: "resultUsable", target: "weighingResult" },
        { guard: "triesLeft", target: "retrying" },
        { guard: "fallbackOffered", target: "fallingBack" },
        { guard: "tryThrew", target: "failingTask" },
        { target: "weighingResult" },
      ],
    },
    retrying: {
      entry: tell(({ context }) => ({
        type: "retryAttempt",
        taskId: taskId(context),
        attempt: context.progress.tries,
        delayMs: context.plan.settings.retry.delayMs,
      })),
      after: { retryDelay: "executing" },
    },
    fallingBack: {
      initial: "announcing",
      states: {
        announcing: {
          entry: [tell(({ context }) => ({ type: "fallbackTriggered", taskId: taskId(context) })), "proceed"],
          on: { proceed: "asking" },
        },
        asking: {
          invoke: {
            src: "provideFallback",
            input: step,
            onDone: [
              {
                guard: ({ event }) => event.output.result !== undefined,
                target: "#orchestrator.adoptingFallback",
                actions: { type: "keepFallback", params: ({ event }) => event.output.result ?? { success: false, output: "" } },
              },
              { target: "failed" },
            ],
            onError: "failed",
          },
        },
        failed: {
          entry: [tell(({ context }) => ({ type: "fallbackFailed", taskId: taskId(context) })), "proceed"],
          on: { proceed: [{ guard: "tryThrew", target: "#orchestrator.failingTask" }, { target: "#orchestrator.weighingResult" }] },
        },
      },
    },
    adoptingFallback: {
      entry: [
        tell(({ context }) => ({
          type: "fallbackSucceeded",
          taskId: taskId(context),
          result: context.progress.result ?? { success: false, output: "" },
        })),
        "proceed",
      ],
      on: { proceed: "weighingResult" },
    },
    weighingResult: {
      entry: "adoptResult",
      always: [{ guard: "oracleAsked", target: "verifying" }, { target: "endingTask" }],
    },

    verifying: {
      initial: "announcing",
      states: {
        announcing: {
          entry: [tell(({ context }) => ({ type: "oracleVerifying", taskId: taskId(context) })), "proceed"],
          on: { proceed: "asking" },
        },
        asking: {
          invoke: {
            src: "verifyOutput",
            input: step,
            onDone: { target: "#orchestrator.deciding", actions: { type: "keepVerdict", params: ({ event }) => event.output } },
            onError: { target: "failed", actions: { type: "keepOracleError", params: failureOf } },
          },
        },
        failed: {
          entry: [
            tell(({ context }) => ({
              type: "oracleError",
              taskId: taskId(context),
              error: context.progress.error ?? { name: "Error", message: "" },
            })),
            "proceed",
          ],
          on: { proceed: "#orchestrator.endingTask" },
        },
      },
    },
    deciding: {
      initial: "announcing",
      states: {
        announcing: {
          entry: ["tellVerdict", "captureReflection", "proceed"],
          on: { proceed: "reading" },
        },
        reading: {
          always: [
            { guard: verdictSays("askHuman"), target: "#orchestrator.askingHuman", actions: prepareQuestion("oracleUncertain") },
            {
              guard: verdictSays("goalAchieved"),
              target: "#orchestrator.endingTask",
              actions: [
                "achieveGoal",
                tell(({ context }) => ({ type: "oracleComplete", taskId: taskId(context), reason: "goal-achieved" })),
              ],
            },
            {
              guard: verdictSays("cannotContinue"),
              target: "#orchestrator.endingTask",
              actions: tell(({ context }) => ({ type: "oracleComplete", taskId: taskId(context), reason: "cannot-continue" })),
            },
            { guard: verdictSays("nextPass"), target: "#orchestrator.startingPass" },
            { target: "#orchestrator.endingTask", actions: "noteCutShort" },
          ],
        },
      },
    },
    startingPass: {
      entry: [
        tell(({ context }) => ({ type: "oracleRetrying", taskId: taskId(context), prompt: refined({ context }) })),
        "recordPass",
        { type: "beginNextPass", params: refined },
        save("executing"),
        "proceed",
      ],
      on: { proceed: "executing" },
    },

    endingTask: {
      entry: ["recordPass", "proceed"],
      on: { proceed: "completingTask" },
    },
    completingTask: {
      entry: [save("taskCompleted"), "tellTaskCompleted", "proceed"],
      on: { proceed: "reviewingTask" },
    },
    reviewingTask: {
      always: [{ guard: "feedbackWanted", target: "requestingFeedback" }, { target: "leavingTask" }],
    },
    failingTask: {
      entry: ["noteTaskError", "recordPass", "proceed"],
      on: { proceed: [{ guard: "failureTolerated", target: "reportingFailure" }, { target: "stoppedByError" }] },
    },
    reportingFailure: {
      entry: [
        save("taskFailed"),
        tell(({ context }) => ({
          type: "taskFailed",
          taskId: taskId(context),
          error: context.progress.error ?? { name: "Error", message: "" },
        })),
        "proceed",
      ],
      on: { proceed: "reviewingFailure" },
    },
    reviewingFailure: {
      always: [
        { guard: humanDecidesAt("taskFailed"), target: "askingHuman", actions: prepareQuestion("taskFailed") },
        { target: "leavingTask" },
      ],
    },
    leavingTask: {
      always: [
        { guard: "goalEndsRun", target: "stoppedByGoalAchieved" },
        { guard: "resultForcible", target: "forcingCompletion" },
        { target: "finishingIteration" },
      ],
    },
    forcingCompletion: {
      invoke: {
        src: "forceCompletion",
        input: step,
        onDone: [
          {
            guard: ({ event }) => event.output.result !== undefined,
            target: "finishingIteration",
            actions: [
              { type: "keepForcedResult", params: ({ event }) => event.output.result ?? { success: false, output: "" } },
              tell(({ context }) => ({
                type: "forcedCompletion",
                taskId: taskId(context),
                result: context.progress.lastResult ?? { success: false, output: "" },
              })),
            ],
          },
          { target: "finishingIteration" },
        ],
        onError: "finishingIteration",
      },
    },
    finishingIteration: {
      entry: [
        "countStall",
        tell(({ context }) => ({ type: "iterationCompleted", taskId: taskId(context), goalAchieved: context.progress.goalAchieved })),
        "continueTask",
        "proceed",
      ],
      on: { proceed: [{ guard: "checkpointsWanted", target: "checkpointing" }, { target: "takingTask" }] },
    },
    checkpointing: {
      entry: [save("takingTask"), tell({ type: "checkpointCreated" }), "proceed"],
      on: { proceed: "takingTask" },
    },

    askingHuman,
    requestingFeedback,

    completed: {
      type: "final",
      entry: tell({ type: "completed", reason: "queue-empty" }),
      output: () => "completed",
    },
    stoppedByGoalAchieved: {
      type: "final",
      entry: tell({ type: "completed", reason: "goal-achieved" }),
      output: () => "stoppedByGoalAchieved",
    },
    stoppedByMaxIterations: {
      type: "final",
      entry: tell(({ context }) => ({ type: "maxIterationsReached", reason: "max-iterations", queued: context.progress.queue.size })),
      output: () => "stoppedByMaxIterations",
    },
    stoppedByCondition: {
      type: "final",
      entry: stopped,
      output: () => "stoppedByCondition",
    },
    stoppedByUser: {
      type: "final",
      entry: stopped,
      output: () => "stoppedByUser",
    },
    stoppedByError: {
      type: "final",
      entry: "tellError",
      output: () => "stoppedByError",
    },
  },
});
