import type { ApprovalAnswer, ApprovalRequest } from "./approval.ts";
import { inferCanContinue } from "./read-verdict.ts";
import { mapReflection } from "./reflection.ts";
import { noUsage, type RunUsage, withResultUsage, withVerdictUsage } from "./run-budget.ts";
import { type ErrorNote, type Insight, keepNewest, type Learning, type RunContext } from "./run-context.ts";
import type { HistoryEntry } from "./run-history.ts";
import type { RunPlan } from "./run-plan.ts";
import { isBlank, type RunRequest, type RunTask, type StepResult } from "./run-task.ts";
import type { SerializedError } from "./serialized-error.ts";
import { emptyTaskQueue, leaveQueue, type TaskQueue } from "./task-queue.ts";
import type { Verdict } from "./verdict.ts";

/** How far a run has come. Immutable; everything in it survives JSON as long as requests and results do. */
export interface RunProgress {
  readonly iteration: number;
  readonly pass: number;
  /** Executor calls of the pass in hand. */
  readonly tries: number;
  readonly queue: TaskQueue;
  /** The task in hand. */
  readonly task?: RunTask | undefined;
  /** The prompt of the pass in hand; differs from the task's where the oracle or a human refined it. */
  readonly prompt: string;
  /** Of the pass in hand. */
  readonly result?: StepResult | undefined;
  /** What executor or oracle threw in the pass in hand. */
  readonly error?: SerializedError | undefined;
  readonly verdict?: Verdict | undefined;
  /** A human was asked about the verdict in hand. */
  readonly verdictReviewed: boolean;
  /** The pass in hand is in the history. */
  readonly recorded: boolean;
  readonly history: readonly HistoryEntry[];
  /** All entries there ever were; `history` keeps the newest. */
  readonly historyCount: number;
  readonly context: RunContext;
  /** In `singleGoal`: the task that began the only chain of this run. */
  readonly goalTaskId?: string | undefined;
  readonly goalAchieved: boolean;
  readonly forced: boolean;
  /** The last output that is not blank. */
  readonly finalOutput?: string | undefined;
  readonly lastResult?: StepResult | undefined;
  readonly lastError?: SerializedError | undefined;
  readonly usage: RunUsage;
  /** A spent budget took a pass away from the task in hand, so that an empty queue is no regular end. */
  readonly cutShort: boolean;
  /** Output and highest confidence that the next iteration is compared with. */
  readonly stallMark?: { readonly output: string | undefined; readonly confidence: number } | undefined;
  readonly approval?: PendingApproval | undefined;
  /** Questions to humans so far; makes their ids. */
  readonly questions: number;
}

/** A decision that is waited for, or was given last. */
interface PendingApproval {
  readonly request: ApprovalRequest;
  /** The human was told; not to be done again after a restore. */
  readonly notified: boolean;
  readonly answer?: ApprovalAnswer | undefined;
  /** How long to wait for the answer from now on. */
  readonly waitMs: number;
  /** Epoch milliseconds; missing when the wait has no end. */
  readonly deadlineAt?: number | undefined;
}

const emptyContext: RunContext = { goal: "", previousOutputs: [], learnings: [], reflections: [], humanComments: [], errorNotes: [] };

/** A run that has not begun. */
export function newProgress(queue: TaskQueue = emptyTaskQueue): RunProgress {
  return {
    iteration: 0,
    pass: 0,
    tries: 0,
    queue,
    prompt: "",
    verdictReviewed: false,
    recorded: true,
    history: [],
    historyCount: 0,
    context: emptyContext,
    goalAchieved: false,
    forced: false,
    usage: noUsage,
    cutShort: false,
    questions: 0,
  };
}

/** The iteration is counted and the task leaves the queue. `approvedPrompt` replaces its prompt. */
export function withTaskTaken(progress: RunProgress, task: RunTask, approvedPrompt: string | undefined): RunProgress {
  const taken = approvedPrompt === undefined ? task : { ...task, prompt: approvedPrompt };
  return {
    ...progress,
    queue: leaveQueue(progress.queue, task),
    task: taken,
    prompt: taken.prompt,
    iteration: progress.iteration + 1,
    goalTaskId: progress.goalTaskId ?? task.rootId,
    goalAchieved: false,
    cutShort: false,
    approval: undefined,
    pass: 1,
    ...cleanPass,
    context: { ...progress.context, goal: task.goal },
  };
}

const cleanPass = { tries: 0, result: undefined, error: undefined, verdict: undefined, verdictReviewed: false, recorded: false } as const;

/** The next pass of the task in hand. */
export function withNextPass(progress: RunProgress, prompt: string): RunProgress {
  return { ...progress, ...cleanPass, prompt, pass: progress.pass + 1, approval: undefined };
}

/** The final-iteration strategy changed the request; the goal stays. */
export function withRequest(progress: RunProgress, request: RunRequest): RunProgress {
  const { task } = progress;
  return task === undefined ? progress : { ...progress, prompt: request.prompt, task: { ...task, prompt: request.prompt, request } };
}

/** A try of the pass in hand gave a result for that request. */
export function withResult(progress: RunProgress, result: StepResult, request: RunRequest): RunProgress {
  const { task, usage, prompt } = progress;
  return {
    ...progress,
    result,
    error: undefined,
    usage: withResultUsage(usage, prompt, result),
    task: task === undefined || task.request === request ? task : { ...task, request },
  };
}

/** Instead of the executor, the fallback gave the result of the pass in hand. */
export function withFallback(progress: RunProgress, result: StepResult): RunProgress {
  return { ...progress, result, error: undefined };
}

/** Keeps a result that is final for its pass; one that is tried again leaves no trace. */
export function withPassResult(progress: RunProgress, { settings }: RunPlan): RunProgress {
  const { result, context } = progress;
  if (result === undefined || isBlank(result.output)) return result === undefined ? progress : { ...progress, lastResult: result };
  const previousOutputs = withNewest(context.previousOutputs, result.output, settings.context.maxOutputs);
  return { ...progress, lastResult: result, finalOutput: result.output, context: { ...context, previousOutputs } };
}

/** A try of the pass in hand threw. */
export function withTaskError(progress: RunProgress, error: SerializedError): RunProgress {
  return { ...progress, result: undefined, error, usage: withResultUsage(progress.usage, progress.prompt, undefined) };
}

/** The oracle threw: no verdict, not even an older one, counts from now on. */
export function withOracleError(progress: RunProgress, error: SerializedError): RunProgress {
  const usage = withVerdictUsage(progress.usage, progress.result?.output ?? "", undefined);
  return { ...progress, error, verdict: undefined, lastError: error, usage };
}

/** The oracle judged the pass in hand. */
export function withVerdict(progress: RunProgress, { settings }: RunPlan, verdict: Verdict): RunProgress {
  const usage = withVerdictUsage(progress.usage, progress.result?.output ?? "", verdict);
  return { ...progress, usage, verdict: inferCanContinue(verdict, settings.autoContinue.inferCanContinue) };
}

/** The learning and the insight of a reflection are kept in the context. */
export function withReflection(
  progress: RunProgress,
  { settings, maxHistory }: RunPlan,
  { learning, insight }: ReturnType<typeof mapReflection>,
): RunProgress {
  const { context } = progress;
  const learnings: readonly Learning[] = withNewest(context.learnings, learning, settings.context.maxLearnings);
  const reflections: readonly Insight[] = withNewest(context.reflections, insight, maxHistory);
  return { ...progress, context: { ...context, learnings, reflections } };
}

/** What the verdict in hand says about the way of working, where that is wanted. */
export function capturedReflection(
  { verdict, iteration }: RunProgress,
  { settings }: RunPlan,
): ReturnType<typeof mapReflection> | undefined {
  const wanted = settings.context.enableTracking && settings.context.enableReflection;
  return wanted && verdict?.reflection ? mapReflection(verdict.reflection, iteration) : undefined;
}

export function withErrorNote(progress: RunProgress, { settings, maxHistory }: RunPlan, resolution: string): RunProgress {
  const { error, context, iteration } = progress;
  if (error === undefined || !settings.context.enableTracking) return progress;
  const note: ErrorNote = { iteration, message: error.message, resolution };
  return { ...progress, context: { ...context, errorNotes: withNewest(context.errorNotes, note, maxHistory) } };
}

/** What a human said; kept also while tracking is off, because a human said it. */
export function withComment(progress: RunProgress, { maxHistory }: RunPlan, text: string | undefined): RunProgress {
  if (text === undefined || isBlank(text)) return progress;
  const { context, iteration } = progress;
  return { ...progress, context: { ...context, humanComments: withNewest(context.humanComments, { iteration, text }, maxHistory) } };
}

/** The entry that the pass in hand leaves behind. */
export function toHistoryEntry({ iteration, pass, task, prompt, result, error, verdict, tries }: RunProgress): HistoryEntry {
  return {
    iteration,
    pass,
    taskId: task?.id ?? "",
    prompt,
    ...(result !== undefined && { output: result.output }),
    success: result?.success === true,
    ...(error !== undefined && { error }),
    ...(verdict !== undefined && { verdict }),
    tries,
  };
}

export function withHistoryEntry(progress: RunProgress, { maxHistory }: RunPlan, entry: HistoryEntry): RunProgress {
  return { ...progress, recorded: true, history: withNewest(progress.history, entry, maxHistory), historyCount: progress.historyCount + 1 };
}

/** The final-iteration strategy gave the run's result. */
export function withForcedResult(progress: RunProgress, result: StepResult): RunProgress {
  return { ...progress, forced: true, lastResult: result, finalOutput: result.output };
}

/** The iteration is over: was there progress? The first one always is. */
export function withStallCount(progress: RunProgress): RunProgress {
  const { stallMark, result, verdict, usage } = progress;
  const output = result?.output;
  const confidence = Math.max(verdict?.confidence ?? 0, stallMark?.confidence ?? 0);
  const isProgress = stallMark === undefined || (output !== undefined && output !== stallMark.output) || confidence > stallMark.confidence;
  return {
    ...progress,
    // After an error the next output is compared with the last one that there was.
    stallMark: { output: output ?? stallMark?.output, confidence },
    usage: { ...usage, stalledIterations: isProgress ? 0 : usage.stalledIterations + 1 },
  };
}

/** One more item and at most `limit`, in one copy. */
function withNewest<Item>(items: readonly Item[], item: Item, limit: number): readonly Item[] {
  return items.length < limit ? [...items, item] : limit <= 0 ? keepNewest(items, 0) : [...items.slice(items.length - limit + 1), item];
}
