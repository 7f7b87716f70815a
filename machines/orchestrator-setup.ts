import { assign, emit, enqueueActions, fromPromise, sendTo, setup } from "xstate";
import { type ApprovalAnswer, type Feedback, isApprovalAnswer } from "../src/model/approval.ts";
import { continuationPrompt, isContinued, toContinuation } from "../src/model/continuation.ts";
import type { ApprovalPoint } from "../src/model/loop-settings.ts";
import { readVerdict, type VerdictReading } from "../src/model/read-verdict.ts";
import { spentBudget } from "../src/model/run-budget.ts";
import type { RunPosition, SafePoint } from "../src/model/run-checkpoint.ts";
import type { RunFact, RunStopReason } from "../src/model/run-event.ts";
import type { RunFinalState, RunOutcome } from "../src/model/run-outcome.ts";
import type { RunParts, RunPlan } from "../src/model/run-plan.ts";
import * as run from "../src/model/run-progress.ts";
import { isAskedAt, modifiedPrompt, nextTask, toFeedbackRequest, withQuestion, withRemainingWait } from "../src/model/run-question.ts";
import type * as step from "../src/model/run-step.ts";
import { isBlank, isRequest, isUsable, type RunRequest, type StepResult, toTask } from "../src/model/run-task.ts";
import type { SerializedError } from "../src/model/serialized-error.ts";
import { joinQueue, type TaskQueue } from "../src/model/task-queue.ts";
import type { Verdict } from "../src/model/verdict.ts";

/** What the orchestrator machine remembers. */
export interface OrchestratorContext {
  readonly plan: RunPlan;
  readonly progress: run.RunProgress;
  /** Where a run that ends here without notice goes on. */
  readonly saved: SafePoint;
  /** The checkpoint that this run begins with. */
  readonly restoring: SafePoint | undefined;
  readonly pauseRequested: boolean;
  /** The instant, on the monotonic clock, at which the run would have begun had it never been interrupted. */
  readonly beganAt: number;
  readonly stopReason: RunStopReason | undefined;
  readonly errorReason: "task-error" | "human-error";
}

/** What a run begins with. */
export interface OrchestratorInput {
  plan: RunPlan;
  queue?: TaskQueue;
  restoring?: SafePoint;
}

/** Instants: `at` on the monotonic clock, `now` in epoch milliseconds. */
export type OrchestratorEvent =
  | { type: "task.enqueue"; request: RunRequest }
  | { type: "run.start"; parts: RunParts; at: number; now: number }
  | { type: "run.pause" }
  | { type: "run.resume"; at: number }
  | { type: "run.cancel" }
  | ({ type: "human.answered"; requestId: string } & ApprovalAnswer)
  /** User code reports something that belongs among the events of the run. */
  | { type: "fact.reported"; fact: RunFact }
  /** The machine's own next step. It comes back through the mailbox, so that a cancel that listeners asked for goes first. */
  | { type: "proceed" };

/** A fact with its place in the loops. */
export type OrchestratorFact = RunFact & { readonly iteration: number; readonly pass: number };

const placed = ({ progress }: OrchestratorContext, fact: RunFact): OrchestratorFact => ({
  ...fact,
  iteration: progress.iteration,
  pass: progress.pass,
});

const elapsed = ({ beganAt }: OrchestratorContext, progress: run.RunProgress, at: number): run.RunProgress => ({
  ...progress,
  usage: { ...progress.usage, wallMs: Math.max(progress.usage.wallMs, at - beganAt) },
});

function notProvided<Output>() {
  return fromPromise<Output, step.StepInput>(() =>
    Promise.reject(new Error("the orchestrator machine needs its actors: machine.provide({ actors })")),
  );
}

const taskId = ({ progress }: OrchestratorContext): string => progress.task?.id ?? "";

const noVerdict: Verdict = { isComplete: false, canContinue: false, analysis: "", confidence: 0 };

const unknownError: SerializedError = { name: "Error", message: "the run stopped without a known error" };

const isDrained = ({ plan, progress }: OrchestratorContext): boolean =>
  plan.settings.completionMode === "untilQueueEmpty" && progress.queue.size === 0;

const budgetReason = ({ plan, progress }: OrchestratorContext): RunStopReason | undefined => spentBudget(plan.budget, progress.usage);

const passesLeft = (context: OrchestratorContext): boolean =>
  context.progress.pass < context.plan.settings.oracle.maxIterations && budgetReason(context) === undefined;

const verdictReading = (context: OrchestratorContext): VerdictReading | undefined => {
  const { plan, progress } = context;
  return (
    progress.verdict &&
    readVerdict(progress.verdict, {
      confidence: plan.settings.confidence,
      canAskHuman: !progress.verdictReviewed && isAskedAt("oracleUncertain", plan),
      passesLeft: passesLeft(context),
    })
  );
};

const announcedIterations = 3;

const remainingIterations = ({ plan, progress }: OrchestratorContext): number => plan.settings.maxIterations - progress.iteration + 1;

const isFinalApproaching = (context: OrchestratorContext): boolean =>
  context.plan.settings.finalIteration.enabled && remainingIterations(context) <= announcedIterations;

/** Types, actors, guards, actions and delays by name; the chart is in `orchestrator-machine.ts`. */
export const orchestratorSetup = setup({
  types: {
    context: {} as OrchestratorContext,
    input: {} as OrchestratorInput,
    output: {} as RunOutcome,
    events: {} as OrchestratorEvent,
    emitted: {} as OrchestratorFact,
    tags: {} as "waiting",
  },
  actors: {
    executeTask: notProvided<step.Executed>(),
    verifyOutput: notProvided<step.Verified>(),
    provideFallback: notProvided<step.FallbackGiven>(),
    prepareFinalIteration: notProvided<step.Prepared>(),
    forceCompletion: notProvided<step.Forced>(),
    checkHuman: notProvided<step.HumanChecked>(),
    requestApproval: notProvided<step.Decided>(),
    notifyHuman: notProvided<step.Notified>(),
    requestFeedback: notProvided<step.FeedbackGiven>(),
  },
  delays: {
    retryDelay: ({ context }) => context.plan.settings.retry.delayMs,
    approvalTimeout: ({ context }) => context.progress.approval?.waitMs ?? 0,
    feedbackTimeout: ({ context }) => context.plan.parts.human?.responseTimeoutMs ?? 0,
    deferral: 1_000,
  },
  guards: {
    isRequest: ({ event }) => event.type === "task.enqueue" && isRequest(event.request),
    isRestoring: ({ context }) => context.restoring !== undefined,
    wasAtRest: ({ context }) => context.restoring?.isAtRest === true,
    goesOnAt: ({ context }, position: RunPosition) => context.restoring?.position === position,
    pauseRequested: ({ context }) => context.pauseRequested,
    budgetSpent: ({ context }) => budgetReason(context) !== undefined && (context.progress.cutShort || !isDrained(context)),
    queueDrained: ({ context }) => isDrained(context),
    iterationsUsedUp: ({ context }) => context.progress.iteration >= context.plan.settings.maxIterations,
    queueEmpty: ({ context }) => context.progress.queue.size === 0,
    noTaskOfGoal: ({ context }) => nextTask(context.progress, context.plan) === undefined,
    humanDecidesAt: ({ context }, point: ApprovalPoint) => isAskedAt(point, context.plan),
    askedAt: ({ context }, point: ApprovalPoint) => context.progress.approval?.request.point === point,
    humanNotified: ({ context }) => context.progress.approval?.notified === true,
    humanAnswered: ({ context }) => context.progress.approval?.answer !== undefined,
    humanIsNotified: ({ context }) => context.plan.parts.human?.approvals === "notify",
    answersQuestion: ({ context, event }) =>
      event.type === "human.answered" && event.requestId === context.progress.approval?.request.requestId && isApprovalAnswer(event),
    decided: ({ context }, decision: ApprovalAnswer["decision"]) => context.progress.approval?.answer?.decision === decision,
    promptModified: ({ context }) => modifiedPrompt(context.progress) !== undefined,
    passRefined: ({ context }) => modifiedPrompt(context.progress) !== undefined && passesLeft(context),
    autoApproves: ({ context }) => context.plan.settings.humanInTheLoop.autoApproveOnTimeout,
    finalStrategyAsked: ({ context }) => isFinalApproaching(context) && context.plan.parts.finalIteration.before,
    resultUsable: ({ context }) => context.progress.result !== undefined && isUsable(context.progress.result),
    triesLeft: ({ context }) => context.progress.tries <= context.plan.settings.retry.count,
    fallbackOffered: ({ context }) => context.plan.settings.retry.enableFallback && context.plan.parts.fallback,
    tryThrew: ({ context }) => context.progress.result === undefined,
    oracleAsked: ({ context }) => context.plan.settings.oracle.enabled && context.plan.parts.oracle,
    verdictSays: ({ context }, reading: VerdictReading) => verdictReading(context) === reading,
    failureTolerated: ({ context }) => context.plan.settings.continueOnFailure,
    feedbackWanted: ({ context }) => {
      const { enabled, requestFeedbackOnComplete } = context.plan.settings.humanInTheLoop;
      return enabled && requestFeedbackOnComplete && context.plan.parts.human?.feedback === true;
    },
    goalEndsRun: ({ context }) => context.progress.goalAchieved && context.plan.settings.completionMode !== "untilQueueEmpty",
    resultForcible: ({ context }) => {
      const { plan, progress } = context;
      const isLast = progress.iteration >= plan.settings.maxIterations;
      return plan.settings.finalIteration.enabled && plan.parts.finalIteration.force && isLast && !progress.goalAchieved;
    },
    checkpointsWanted: ({ context }) => context.plan.settings.enableCheckpointing,
  },
  actions: {
    tell: emit(({ context }, fact: RunFact) => placed(context, fact)),
    proceed: sendTo(({ self }) => self, { type: "proceed" }),

    enqueueTask: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "task.enqueue" || !isRequest(event.request)) return;
      const task = toTask(event.request);
      const { progress, saved } = context;
      enqueue.assign({
        progress: { ...progress, queue: joinQueue(progress.queue, task) },
        saved: { ...saved, progress: { ...saved.progress, queue: joinQueue(saved.progress.queue, task) } },
      });
      enqueue.emit(placed(context, { type: "taskEnqueued", taskId: task.id, prompt: task.prompt }));
    }),
    requestPause: assign({ pauseRequested: true, saved: ({ context: { saved } }) => ({ ...saved, pauseRequested: true }) }),
    dropPauseRequest: assign({ pauseRequested: false, saved: ({ context: { saved } }) => ({ ...saved, pauseRequested: false }) }),
    tellVerdict: emit(({ context }) =>
      placed(context, { type: "oracleVerified", taskId: taskId(context), verdict: context.progress.verdict ?? noVerdict }),
    ),
    tellTaskCompleted: emit(({ context }) => {
      const { goalAchieved, result } = context.progress;
      return placed(context, { type: "taskCompleted", taskId: taskId(context), goalAchieved, ...(result !== undefined && { result }) });
    }),
    tellQuestion: enqueueActions(({ context, enqueue }) => {
      const request = context.progress.approval?.request;
      if (request !== undefined) enqueue.emit(placed(context, { type: "humanApprovalRequested", point: request.point, request }));
    }),
    tellAnswer: enqueueActions(({ context, enqueue }) => {
      const { request, answer } = context.progress.approval ?? {};
      if (request === undefined || answer === undefined) return;
      const { point, requestId } = request;
      enqueue.emit(placed(context, { type: "humanApprovalReceived", point, requestId, ...answer }));
    }),
    tellTimeout: enqueueActions(({ context, enqueue }) => {
      const request = context.progress.approval?.request;
      if (request === undefined) return;
      const autoApproved = context.plan.settings.humanInTheLoop.autoApproveOnTimeout;
      enqueue.emit(placed(context, { type: "humanApprovalTimeout", point: request.point, requestId: request.requestId, autoApproved }));
    }),
    tellFeedbackRequest: emit(({ context }) =>
      placed(context, { type: "humanFeedbackRequested", request: toFeedbackRequest(context.progress, context.plan) }),
    ),
    tellFeedback: emit(({ context }, feedback: Feedback) =>
      placed(context, {
        type: "humanFeedbackReceived",
        requestId: toFeedbackRequest(context.progress, context.plan).requestId,
        feedback,
      }),
    ),
    tellError: emit(({ context }) =>
      placed(context, { type: "error", reason: context.errorReason, error: context.progress.lastError ?? unknownError }),
    ),
    tellReported: emit(({ context, event }) => placed(context, (event as Extract<OrchestratorEvent, { type: "fact.reported" }>).fact)),
    stopBecause: assign({ stopReason: (_, reason: RunStopReason) => reason }),
    stopForBudget: assign({ stopReason: ({ context }) => budgetReason(context) }),
    save: assign({
      saved: ({ context: { progress, saved, pauseRequested } }, position: RunPosition) => {
        const { request, notified, answer } = progress.approval ?? {};
        // The question whether to restore is no part of what is restored.
        if (position === "askingHuman" && request?.point === "beforeCheckpointRestore") return saved;
        const isAtRest = position === "paused" || (position === "askingHuman" && notified === true && answer === undefined);
        return { position, progress, pauseRequested, isAtRest };
      },
    }),

    beginRun: assign(({ context, event }) => {
      if (event.type !== "run.start") return {};
      const plan = { ...context.plan, parts: event.parts };
      return { plan, beganAt: event.at - (context.restoring?.progress.usage.wallMs ?? 0) };
    }),
    readCheckpoint: assign(({ context }, now: number) => {
      if (context.restoring === undefined) return {};
      const progress = withRemainingWait(context.restoring.progress, now);
      return { progress, saved: { ...context.restoring, progress } };
    }),
    takeUpCheckpoint: assign({
      // Ids of questions are never used twice, not even that of the question whether to restore.
      progress: ({ context: { saved, progress } }) => ({ ...saved.progress, questions: progress.questions }),
    }),
    resumeClock: assign({
      progress: ({ context, event }) =>
        event.type === "run.resume" && Number.isFinite(event.at) ? elapsed(context, context.progress, event.at) : context.progress,
    }),

    takeTask: assign({
      progress: ({ context: { progress, plan } }) => {
        const task = nextTask(progress, plan);
        const isApproved = progress.approval?.request.point === "beforeTaskStart";
        return task === undefined ? progress : run.withTaskTaken(progress, task, isApproved ? modifiedPrompt(progress) : undefined);
      },
    }),
    announceIteration: enqueueActions(({ context, enqueue }) => {
      const { plan, progress } = context;
      enqueue.emit(placed(context, { type: "iterationStarted", taskId: progress.task?.id ?? "" }));
      if (plan.settings.context.enableTracking) enqueue.emit(placed(context, { type: "contextUpdated", goal: progress.context.goal }));
      if (isFinalApproaching(context)) {
        enqueue.emit(placed(context, { type: "finalIterationApproaching", remaining: remainingIterations(context) }));
      }
    }),
    changeRequest: enqueueActions(({ context, enqueue }, request: RunRequest) => {
      const { progress } = context;
      enqueue.assign({ progress: run.withRequest(progress, request) });
      if (request.prompt !== progress.prompt) {
        enqueue.emit(placed(context, { type: "requestModified", taskId: progress.task?.id ?? "", prompt: request.prompt }));
      }
    }),

    countTry: assign({ progress: ({ context: { progress } }) => ({ ...progress, tries: progress.tries + 1 }) }),
    keepResult: assign({
      progress: ({ context }, { result, request, at }: step.Executed) =>
        elapsed(context, run.withResult(context.progress, result, request), at),
    }),
    keepTaskError: assign({
      progress: ({ context }, { error, at }: step.StepFailure) => elapsed(context, run.withTaskError(context.progress, error), at),
    }),
    keepFallback: assign({ progress: ({ context }, result: StepResult) => run.withFallback(context.progress, result) }),
    adoptResult: assign({ progress: ({ context }) => run.withPassResult(context.progress, context.plan) }),

    keepVerdict: assign({
      progress: ({ context }, { verdict, at }: step.Verified) =>
        elapsed(context, run.withVerdict(context.progress, context.plan, verdict), at),
    }),
    keepOracleError: assign({
      progress: ({ context }, { error, at }: step.StepFailure) => elapsed(context, run.withOracleError(context.progress, error), at),
    }),
    captureReflection: enqueueActions(({ context, enqueue }) => {
      const captured = run.capturedReflection(context.progress, context.plan);
      if (captured === undefined) return;
      enqueue.assign({ progress: run.withReflection(context.progress, context.plan, captured) });
      enqueue.emit(placed(context, { type: "reflectionCaptured", ...captured }));
    }),
    achieveGoal: assign({ progress: ({ context }) => ({ ...context.progress, goalAchieved: true }) }),
    noteCutShort: assign({
      progress: ({ context }) => {
        const { progress, plan } = context;
        const wanted = progress.pass < plan.settings.oracle.maxIterations && !isBlank(progress.verdict?.nextPromptSuggestion);
        return wanted && budgetReason(context) !== undefined ? { ...progress, cutShort: true } : progress;
      },
    }),
    /** Every pass leaves one entry; a pass that has its entry already is left alone. */
    recordPass: enqueueActions(({ context, enqueue }) => {
      if (context.progress.recorded) return;
      const entry = run.toHistoryEntry(context.progress);
      enqueue.assign({ progress: run.withHistoryEntry(context.progress, context.plan, entry) });
      enqueue.emit(placed(context, { type: "historyEntryAdded", entry }));
    }),
    beginNextPass: assign({ progress: ({ context }, prompt: string) => run.withNextPass(context.progress, prompt) }),
    noteTaskError: assign({
      progress: ({ context: { progress, plan } }) => ({
        ...run.withErrorNote(progress, plan, plan.settings.continueOnFailure ? "went on with the next task" : "stopped the run"),
        lastError: progress.error,
      }),
    }),

    prepareQuestion: assign({
      progress: ({ context: { progress, plan } }, point: ApprovalPoint) => {
        const base = { ...progress, verdictReviewed: progress.verdictReviewed || point === "oracleUncertain" };
        return { ...withQuestion(base, plan, point, 0), questions: progress.questions };
      },
    }),
    poseQuestion: assign({
      progress: ({ context: { progress, plan } }, now: number) =>
        withQuestion(progress, plan, progress.approval?.request.point ?? "beforeTaskStart", now),
    }),
    rememberNotified: assign({
      progress: ({ context: { progress } }) => ({ ...progress, approval: progress.approval && { ...progress.approval, notified: true } }),
    }),
    keepAnswer: assign({
      progress: ({ context: { progress, plan } }, { decision, modifiedAction, comment }: ApprovalAnswer) => {
        const answer = { decision, ...(modifiedAction !== undefined && { modifiedAction }), ...(comment !== undefined && { comment }) };
        return run.withComment({ ...progress, approval: progress.approval && { ...progress.approval, answer } }, plan, comment);
      },
    }),
    keepHumanError: assign(({ context }, { error, at }: step.StepFailure) => ({
      progress: { ...elapsed(context, context.progress, at), lastError: error },
      errorReason: "human-error" as const,
    })),
    keepFeedback: assign({
      progress: ({ context: { progress, plan } }, comment: string | undefined) => run.withComment(progress, plan, comment),
    }),

    keepForcedResult: assign({ progress: ({ context }, result: StepResult) => run.withForcedResult(context.progress, result) }),
    countStall: assign({
      progress: ({ context: { progress, plan } }) => (plan.budget.stallIterations === undefined ? progress : run.withStallCount(progress)),
    }),
    continueTask: enqueueActions(({ context, enqueue }) => {
      const { progress, plan } = context;
      const { task, verdict, iteration } = progress;
      if (task === undefined || progress.forced || !isContinued(plan.settings.autoContinue, verdict)) return;
      const subject = { iteration, previousOutput: progress.finalOutput ?? "", analysis: verdict?.analysis };
      const next = toContinuation(task, continuationPrompt(plan.settings.autoContinue.promptTemplate, subject), iteration);
      enqueue.assign({ progress: { ...progress, queue: joinQueue(progress.queue, next) } });
      enqueue.emit(placed(context, { type: "autoContinuing", taskId: next.id, prompt: next.prompt }));
      enqueue.emit(placed(context, { type: "taskEnqueued", taskId: next.id, prompt: next.prompt, parentTaskId: task.id }));
    }),
  },
});

/** The outcome of a run that ends in that state. */
export function outcomeOf({ progress, stopReason }: OrchestratorContext, finalState: RunFinalState): RunOutcome {
  const { goalAchieved, forced, iteration, finalOutput, lastResult, lastError, usage } = progress;
  return {
    finalState,
    goalAchieved,
    forced,
    iterations: iteration,
    usage,
    ...(finalOutput !== undefined && { finalOutput }),
    ...(lastResult !== undefined && { lastResult }),
    ...(stopReason !== undefined && { reason: stopReason }),
    ...(finalState === "stoppedByError" && { error: lastError ?? unknownError }),
  };
}
