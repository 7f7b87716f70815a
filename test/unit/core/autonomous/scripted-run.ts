import { type AutonomousOrchestratorOptions, createAutonomousOrchestrator } from "../../../../src/core/autonomous-orchestrator.ts";
import type { ApprovalAnswer, ApprovalRequest, Feedback, FeedbackRequest } from "../../../../src/model/approval.ts";
import type { RunCheckpoint } from "../../../../src/model/run-checkpoint.ts";
import type { RunEvent, RunEventType } from "../../../../src/model/run-event.ts";
import type { RunOutcome } from "../../../../src/model/run-outcome.ts";
import type { RunRequest, StepResult } from "../../../../src/model/run-task.ts";
import { type Verdict, verdict } from "../../../../src/model/verdict.ts";
import type { ExecutorScope } from "../../../../src/ports/executor.ts";
import type { OracleQuestion } from "../../../../src/ports/oracle.ts";
import type { Settings, SettingsInput } from "../../../../src/settings/settings-schema.ts";
import { sequentialIds } from "../../../../src/testing/sequential-ids.ts";
import { VirtualClock } from "../../../../src/testing/virtual-clock.ts";

type Orchestration = NonNullable<SettingsInput["orchestration"]>;

/** An output, a result, an error to throw, or `hang`: open until its signal is aborted. The last entry repeats. */
type ExecutorEntry = string | StepResult | Error | "hang";
type OracleEntry = Verdict | Error | "hang";
type HumanEntry = ApprovalAnswer | ApprovalAnswer["decision"] | Error | "hang";

export interface Script extends Omit<Partial<AutonomousOrchestratorOptions<RunRequest, StepResult>>, "settings" | "oracle" | "executor"> {
  prompts?: readonly string[];
  executor?: readonly ExecutorEntry[] | ((request: RunRequest, scope: ExecutorScope) => Promise<StepResult>);
  oracle?: readonly OracleEntry[];
  oracleIsConfigured?: boolean;
  approvals?: readonly HumanEntry[];
  feedback?: readonly (Feedback | Error | "hang")[];
  isAvailable?: boolean;
  responseTimeoutMs?: number;
  settings?: Orchestration;
}

export const done = verdict.goalAchieved("done", 0.9);
export const goOn = verdict.continueToNextIteration("not yet", 0.6);
export const refine = (prompt: string, confidence = 0.6): Verdict => verdict.retryWithRefinedPrompt(prompt, "refine", confidence);
export const rejected: ApprovalAnswer = { decision: "rejected" };

/** An orchestrator whose parts follow a script, on a clock that stands still; everything that happens is noted. */
export function scriptedRun(script: Script) {
  const {
    prompts = ["A"],
    executor = ["done"],
    oracle,
    oracleIsConfigured = true,
    approvals,
    feedback,
    isAvailable,
    responseTimeoutMs,
    settings,
    ...options
  } = script;
  const clock = new VirtualClock();
  const calls = {
    requests: [] as RunRequest[],
    scopes: [] as ExecutorScope[],
    questions: [] as OracleQuestion<Settings>[],
    approvals: [] as ApprovalRequest[],
    feedback: [] as FeedbackRequest[],
  };
  const events: RunEvent[] = [];
  const errors: unknown[] = [];
  const hasHuman = approvals !== undefined || feedback !== undefined;
  const orchestrator = createAutonomousOrchestrator({
    clock,
    generateId: sequentialIds("id-"),
    onError: (error) => errors.push(error),
    executor: async (request, scope) => {
      calls.requests.push(request);
      calls.scopes.push(scope);
      if (typeof executor === "function") return executor(request, scope);
      const entry = await answer(executor, calls.requests.length, scope.signal);
      return typeof entry === "string" ? { success: true, output: entry } : entry;
    },
    ...(oracle !== undefined && {
      oracle: {
        isConfigured: oracleIsConfigured,
        async verify(question: OracleQuestion<Settings>, { signal }: { signal: AbortSignal }) {
          calls.questions.push(question);
          return answer(oracle, calls.questions.length, signal);
        },
      },
    }),
    ...(hasHuman && {
      humanInTheLoop: {
        ...(isAvailable !== undefined && { isAvailable }),
        ...(responseTimeoutMs !== undefined && { responseTimeoutMs }),
        async requestApproval(request: ApprovalRequest, { signal }: { signal: AbortSignal }) {
          calls.approvals.push(request);
          const entry = await answer(approvals ?? ["approved" as const], calls.approvals.length, signal);
          return typeof entry === "string" ? { decision: entry as ApprovalAnswer["decision"] } : entry;
        },
        async requestFeedback(request: FeedbackRequest, { signal }: { signal: AbortSignal }) {
          calls.feedback.push(request);
          return answer(feedback ?? [{}], calls.feedback.length, signal) as Promise<Feedback>;
        },
      },
    }),
    ...(settings !== undefined && { settings: { orchestration: settings } }),
    ...options,
  });
  orchestrator.on("*", (event) => events.push(event));

  const finish = async (outcome: Promise<RunOutcome>): Promise<RunOutcome> => {
    let isOver = false;
    const over = outcome.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    await clock.settle();
    while (!isOver) if (!(await clock.runNext())) throw new Error(`nothing moves any more in ${orchestrator.status.state}`);
    return over;
  };
  return {
    orchestrator,
    clock,
    calls,
    events,
    errors,
    finish,
    /** Enqueues the prompts and runs to the end. */
    run(): Promise<RunOutcome> {
      for (const [index, prompt] of prompts.entries()) orchestrator.enqueue({ id: `task-${index + 1}`, prompt });
      return finish(orchestrator.start());
    },
    restore(checkpoint: RunCheckpoint): Promise<RunOutcome> {
      return finish(orchestrator.restore(JSON.parse(JSON.stringify(checkpoint))));
    },
    types: (...ignored: RunEventType[]): RunEventType[] => events.map(({ type }) => type).filter((type) => !ignored.includes(type)),
    count: (type: RunEventType): number => events.filter((event) => event.type === type).length,
    all: <Type extends RunEventType>(type: Type) => events.filter((event) => event.type === type) as Extract<RunEvent, { type: Type }>[],
    get prompts(): string[] {
      return calls.requests.map(({ prompt }) => prompt);
    },
  };
}

/** Rejects when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

async function answer<Entry>(script: readonly Entry[], call: number, signal: AbortSignal): Promise<Exclude<Entry, Error | "hang">> {
  const entry = script[Math.min(call, script.length) - 1] as Entry;
  if (entry === "hang") return untilAborted(signal);
  if (entry instanceof Error) throw entry;
  return entry as Exclude<Entry, Error | "hang">;
}
