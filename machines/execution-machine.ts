import { assign, type DoneActorEvent, type ErrorActorEvent, fromPromise, setup } from "xstate";
import type { AttemptOutcome } from "../src/model/attempt-outcome.ts";

/** What an execution begins with. */
export interface ExecutionInput {
  readonly queuedAt: number;
  /** Attempts made before, where it continues what an earlier process began; else 0. */
  readonly attempt: number;
  /** When it first ran, where it continues what an earlier process began. */
  readonly startedAt?: number;
}

/** What an execution knows of itself. Instants are epoch milliseconds. */
export interface ExecutionContext {
  readonly queuedAt: number;
  readonly attempt: number;
  readonly startedAt?: number;
  readonly completedAt?: number;
  readonly progress?: unknown;
  readonly result?: unknown;
  /** What the last attempt threw. */
  readonly error?: unknown;
  /** Set when another attempt follows the one that failed. */
  readonly retryDelayMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly abandoned?: true;
}

/** Commands and facts from the supervisor. `at` is epoch milliseconds of its clock. */
export type ExecutionMachineEvent =
  | { type: "execution.delay" }
  | { type: "execution.due" }
  | { type: "execution.run"; at: number }
  | { type: "execution.cancel"; at: number; reason: string | undefined }
  | { type: "execution.timeOut"; error: unknown; retryDelayMs: number | undefined }
  | { type: "execution.abandon"; at: number }
  | { type: "attempt.progressed"; progress: unknown }
  | { type: "attempt.waiting" }
  | { type: "attempt.continued" };

type MachineEvent = ExecutionMachineEvent | DoneActorEvent<AttemptOutcome, "attempt"> | ErrorActorEvent<unknown, "attempt">;

/** What each recording action changes, given what the execution knows and the action's parameters. */
export const executionChanges = {
  beginAttempt: ({ attempt, startedAt }: ExecutionContext, { at }: { at: number }) => ({
    attempt: attempt + 1,
    startedAt: startedAt ?? at,
    error: undefined,
    retryDelayMs: undefined,
  }),
  recordReason: (_: ExecutionContext, { reason }: { reason: string | undefined }) => ({ reason }),
  recordTimeout: (_: ExecutionContext, { error, retryDelayMs }: { error: unknown; retryDelayMs: number | undefined }) => ({
    error,
    retryDelayMs,
  }),
  recordProgress: (_: ExecutionContext, { progress }: { progress: unknown }) => ({ progress }),
  recordEnd: (_: ExecutionContext, { at }: { at: number }) => ({ completedAt: at }),
  recordAbandonment: (_: ExecutionContext, { at }: { at: number }) => ({ completedAt: at, abandoned: true as const }),
  recordCrash: (_: ExecutionContext, { error }: { error: unknown }) => ({ error }),
  recordOutcome: (_: ExecutionContext, outcome: AttemptOutcome) => {
    if (outcome.type === "succeeded") return { completedAt: outcome.at, result: outcome.result };
    if (outcome.type === "cancelled") return { completedAt: outcome.at, reason: outcome.reason };
    return { completedAt: outcome.at, error: outcome.error };
  },
  recordFailure: (_: ExecutionContext, outcome: AttemptOutcome) =>
    outcome.type === "failed" ? { error: outcome.error, retryDelayMs: outcome.retryDelayMs } : {},
};

/** The questions it decides by. */
export const executionGuards = {
  retryPlanned: ({ context }: { context: ExecutionContext }) => context.retryDelayMs !== undefined,
  succeeded: (_: unknown, outcome: AttemptOutcome) => outcome.type === "succeeded",
  cancelledItself: (_: unknown, outcome: AttemptOutcome) => outcome.type === "cancelled",
  deservesRetry: (_: unknown, outcome: AttemptOutcome) => outcome.type === "failed" && outcome.retryDelayMs !== undefined,
};

function assigned<Params>(changes: (context: ExecutionContext, params: Params) => Partial<ExecutionContext>) {
  return assign<ExecutionContext, MachineEvent, Params, MachineEvent, never>(({ context }, params) => changes(context, params));
}

/**
 * The life of one execution. It waits in `queued`, runs its orchestrator as the promise actor `runAttempt`, and ends in one of three final
 * states. When it is asked to stop it stays `cancelling` or `timingOut` until the orchestrator settles or the supervisor abandons it. It has
 * no timers: delays, timeouts and grace periods are the supervisor's, which tells it when they are over.
 */
export const executionMachine = setup({
  types: {
    input: {} as ExecutionInput,
    context: {} as ExecutionContext,
    events: {} as MachineEvent,
  },
  actors: {
    runAttempt: fromPromise<AttemptOutcome, { executionId: string }>(() => {
      throw new Error("no orchestrator: provide the actor `runAttempt`");
    }),
  },
  actions: {
    /** Asks the orchestrator to stop, through the signal in its scope. */
    abortAttempt: (_, _params: { error: unknown } | { reason: string | undefined }) => {},
    /** Tells the supervisor that another attempt is due after a delay. */
    reportRetry: () => {},
    beginAttempt: assigned(executionChanges.beginAttempt),
    recordReason: assigned(executionChanges.recordReason),
    recordTimeout: assigned(executionChanges.recordTimeout),
    recordProgress: assigned(executionChanges.recordProgress),
    recordEnd: assigned(executionChanges.recordEnd),
    recordAbandonment: assigned(executionChanges.recordAbandonment),
    recordCrash: assigned(executionChanges.recordCrash),
    recordOutcome: assigned(executionChanges.recordOutcome),
    recordFailure: assigned(executionChanges.recordFailure),
  },
  guards: executionGuards,
}).createMachine({
  id: "execution",
  context: ({ input }) => ({ ...input }),
  initial: "queued",
  states: {
    queued: {
      initial: "ready",
      on: {
        "execution.cancel": {
          target: "cancelled",
          actions: [
            { type: "recordReason", params: ({ event }) => event },
            { type: "recordEnd", params: ({ event }) => event },
          ],
        },
      },
      states: {
        ready: {
          on: {
            "execution.run": { target: "#execution.running", actions: { type: "beginAttempt", params: ({ event }) => event } },
            "execution.delay": "delayed",
          },
        },
        delayed: { on: { "execution.due": "ready" } },
      },
    },
    running: {
      initial: "working",
      invoke: {
        id: "attempt",
        src: "runAttempt",
        input: ({ self }) => ({ executionId: self.id }),
        onDone: [
          {
            guard: { type: "succeeded", params: ({ event }) => event.output },
            target: "completed",
            actions: { type: "recordOutcome", params: ({ event }) => event.output },
          },
          {
            guard: { type: "deservesRetry", params: ({ event }) => event.output },
            target: "queued.delayed",
            actions: [{ type: "recordFailure", params: ({ event }) => event.output }, "reportRetry"],
          },
          {
            guard: { type: "cancelledItself", params: ({ event }) => event.output },
            target: "cancelled",
            actions: { type: "recordOutcome", params: ({ event }) => event.output },
          },
          { target: "failed", actions: { type: "recordOutcome", params: ({ event }) => event.output } },
        ],
        onError: { target: "failed", actions: { type: "recordCrash", params: ({ event }) => event } },
      },
      states: {
        working: {
          on: {
            "attempt.progressed": { actions: { type: "recordProgress", params: ({ event }) => event } },
            "attempt.waiting": "waiting",
            "execution.cancel": { target: "cancelling", actions: { type: "recordReason", params: ({ event }) => event } },
            "execution.timeOut": { target: "timingOut", actions: { type: "recordTimeout", params: ({ event }) => event } },
          },
        },
        waiting: {
          tags: "waiting",
          on: {
            "attempt.progressed": { actions: { type: "recordProgress", params: ({ event }) => event } },
            "attempt.continued": "working",
            "execution.cancel": { target: "cancelling", actions: { type: "recordReason", params: ({ event }) => event } },
          },
        },
        cancelling: {
          entry: { type: "abortAttempt", params: ({ context }) => ({ reason: context.reason }) },
          on: {
            "xstate.done.actor.attempt": {
              target: "#execution.cancelled",
              actions: { type: "recordEnd", params: ({ event }) => event.output },
            },
            "execution.abandon": { target: "#execution.cancelled", actions: { type: "recordAbandonment", params: ({ event }) => event } },
          },
        },
        timingOut: {
          entry: { type: "abortAttempt", params: ({ context }) => ({ error: context.error }) },
          on: {
            "xstate.done.actor.attempt": [
              { guard: "retryPlanned", target: "#execution.queued.delayed", actions: "reportRetry" },
              { target: "#execution.failed", actions: { type: "recordEnd", params: ({ event }) => event.output } },
            ],
            "execution.cancel": { target: "cancelling", actions: { type: "recordReason", params: ({ event }) => event } },
            "execution.abandon": { target: "#execution.failed", actions: { type: "recordAbandonment", params: ({ event }) => event } },
          },
        },
      },
    },
    completed: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
  },
});
