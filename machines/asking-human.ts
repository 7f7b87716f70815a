import { orchestratorSetup } from "./orchestrator-setup.ts";
import { askedAt, decided, failureOf, save, step, stopBecause } from "./orchestrator-words.ts";

/** A human decides at one of four points, and the run goes on where the answer is needed. Only the waiting itself needs no slot. */
export const askingHuman = orchestratorSetup.createStateConfig({
  initial: "checking",
  states: {
    checking: {
      invoke: {
        src: "checkHuman",
        input: step,
        onDone: [
          {
            guard: ({ event }) => event.output.available,
            target: "posing",
            actions: { type: "poseQuestion", params: ({ event }) => event.output.now },
          },
          { target: "granted" },
        ],
        onError: { target: "failed", actions: { type: "keepHumanError", params: failureOf } },
      },
    },
    posing: {
      entry: [save("askingHuman"), "tellQuestion", "proceed"],
      on: { proceed: "open" },
    },
    open: {
      id: "openQuestion",
      tags: "waiting",
      after: { approvalTimeout: "timedOut" },
      on: {
        "human.answered": {
          guard: "answersQuestion",
          target: "answered",
          actions: { type: "keepAnswer", params: ({ event }) => event },
        },
      },
      initial: "choosing",
      states: {
        choosing: {
          always: [
            { guard: "humanNotified", target: "notified" },
            { guard: "humanIsNotified", target: "notifying" },
            { target: "requesting" },
          ],
        },
        requesting: {
          invoke: {
            src: "requestApproval",
            input: step,
            onDone: { target: "#answered", actions: { type: "keepAnswer", params: ({ event }) => event.output.answer } },
            onError: { target: "#humanFailed", actions: { type: "keepHumanError", params: failureOf } },
          },
        },
        notifying: {
          invoke: {
            src: "notifyHuman",
            input: step,
            onDone: { target: "notified", actions: ["rememberNotified", save("askingHuman")] },
            onError: { target: "#humanFailed", actions: { type: "keepHumanError", params: failureOf } },
          },
        },
        notified: {},
      },
    },
    answered: {
      id: "answered",
      entry: [save("askingHuman"), "tellAnswer", "proceed"],
      on: {
        proceed: [
          { guard: decided("deferred"), target: "deferring" },
          { guard: decided("rejected"), target: "#orchestrator.stoppedByUser", actions: ["recordPass", stopBecause("rejected")] },
          { target: "granted" },
        ],
      },
    },
    deferring: {
      tags: "waiting",
      after: { deferral: "checking" },
    },
    timedOut: {
      entry: ["tellTimeout", "proceed"],
      on: {
        proceed: [
          { guard: "autoApproves", target: "granted" },
          { target: "#orchestrator.stoppedByUser", actions: ["recordPass", stopBecause("approval-timeout")] },
        ],
      },
    },
    granted: {
      always: [
        { guard: askedAt("beforeCheckpointRestore"), target: "#orchestrator.restored", actions: "takeUpCheckpoint" },
        { guard: askedAt("beforeTaskStart"), target: "#orchestrator.startingIteration" },
        { guard: askedAt("taskFailed"), target: "#orchestrator.leavingTask" },
        { guard: "passRefined", target: "#orchestrator.startingPass" },
        { guard: "promptModified", target: "#orchestrator.endingTask", actions: "noteCutShort" },
        { target: "#orchestrator.deciding.reading" },
      ],
    },
    failed: {
      id: "humanFailed",
      entry: ["recordPass", "proceed"],
      on: { proceed: "#orchestrator.stoppedByError" },
    },
  },
});

/** A human is asked about a finished task, and need not answer. */
export const requestingFeedback = orchestratorSetup.createStateConfig({
  initial: "announcing",
  states: {
    announcing: {
      entry: ["tellFeedbackRequest", "proceed"],
      on: { proceed: "asking" },
    },
    asking: {
      tags: "waiting",
      after: { feedbackTimeout: "#orchestrator.leavingTask" },
      invoke: {
        src: "requestFeedback",
        input: step,
        onDone: [
          {
            guard: ({ event }) => event.output.feedback !== undefined,
            target: "received",
            actions: [
              { type: "keepFeedback", params: ({ event }) => event.output.feedback?.comment },
              { type: "tellFeedback", params: ({ event }) => event.output.feedback ?? {} },
            ],
          },
          { target: "#orchestrator.leavingTask" },
        ],
        onError: "#orchestrator.leavingTask",
      },
    },
    received: {
      entry: "proceed",
      on: { proceed: "#orchestrator.leavingTask" },
    },
  },
});
