import { createAutonomousOrchestrator } from "../../../src/core/autonomous-orchestrator.ts";
import type { AutonomousRun } from "../../../src/core/autonomous-run.ts";
import type { ApprovalAnswer, ApprovalRequest } from "../../../src/model/approval.ts";
import type { RunBudget } from "../../../src/model/run-budget.ts";
import type { RunCheckpoint } from "../../../src/model/run-checkpoint.ts";
import type { RunEvent } from "../../../src/model/run-event.ts";
import type { RunOutcome } from "../../../src/model/run-outcome.ts";
import type { StepResult } from "../../../src/model/run-task.ts";
import { type Verdict, verdict } from "../../../src/model/verdict.ts";
import type { SettingsInput } from "../../../src/settings/settings-schema.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

/** A configuration in which paths are generated. */
export interface Scenario {
  readonly name: string;
  readonly tasks: number;
  readonly orchestration: NonNullable<SettingsInput["orchestration"]>;
  readonly budget?: RunBudget;
  readonly human?: "requestApproval" | "notify";
  readonly pauses?: boolean;
  readonly lateTask?: boolean;
}

/** What a world decides by number: the first is the default, which lets a run come to its end. */
export const answersOf = {
  executor: ["good", "throws", "unsuccessful", "blank"],
  oracle: ["goal", "refine", "continue", "stop", "uncertain", "throws", "reflects"],
  available: ["yes", "no", "throws"],
  human: ["approved", "rejected", "modifyAndApprove", "never", "deferred", "throws", "blankModification"],
  feedback: ["given", "none", "never", "throws"],
  fallback: ["given", "none", "throws"],
  before: ["changed", "none", "throws"],
  force: ["given", "none", "throws"],
  pause: ["no", "yes", "takenBack", "twice"],
} as const;

export type Question = keyof typeof answersOf;

/** One decision of a run: what was asked, where, and what was answered. */
export interface Decision {
  readonly question: Question;
  readonly place: string;
  readonly answer: string;
}

/** Gives the answers of a run. */
export interface Decider {
  decide(question: Question, place: string): string;
}

/** Follows numbers, takes the default when they are used up, and keeps what was decided. */
export class PathDecider implements Decider {
  readonly decisions: Decision[] = [];
  readonly #path: readonly number[];

  constructor(path: readonly number[]) {
    this.#path = path;
  }

  decide(question: Question, place: string): string {
    const number = this.#path[this.decisions.length] ?? 0;
    const answers = answersOf[question];
    const answer = answers[number % answers.length] as string;
    this.decisions.push({ question, place, answer });
    return answer;
  }
}

/** Repeats at each place what was decided there before a crash; what was put off then is not put off again. */
export class RepeatingDecider implements Decider {
  readonly #byPlace = new Map<string, string[]>();
  readonly #asked = new Map<string, number>();

  constructor(decisions: readonly Decision[]) {
    for (const { question, place, answer } of decisions) {
      if (answer === "deferred") continue;
      const key = `${question}@${place}`;
      this.#byPlace.set(key, [...(this.#byPlace.get(key) ?? []), answer]);
    }
  }

  decide(question: Question, place: string): string {
    if (question === "pause") return "no";
    const key = `${question}@${place}`;
    const answers = this.#byPlace.get(key);
    const nth = this.#asked.get(key) ?? 0;
    this.#asked.set(key, nth + 1);
    return answers?.[Math.min(nth, answers.length - 1)] ?? answersOf[question][0];
  }
}

export interface WorldHooks {
  /** Before each call to a part, after each of its awaits. */
  moment?(what: string): void;
  onEvent?(event: RunEvent): void;
  beforeStart?(run: AutonomousRun): void;
}

export interface Showing {
  readonly outcome: RunOutcome;
  readonly events: readonly RunEvent[];
  readonly calls: readonly string[];
  readonly run: AutonomousRun;
}

const verdicts: Readonly<Record<string, Verdict>> = {
  goal: verdict.goalAchieved("reached", 0.9),
  refine: verdict.retryWithRefinedPrompt("refined", "almost", 0.6),
  continue: verdict.continueToNextIteration("not yet", 0.6),
  stop: verdict.progress("of no use", 0.8, false),
  uncertain: verdict.retryWithRefinedPrompt("unsure", "who knows", 0.2),
  reflects: { ...verdict.continueToNextIteration("not yet", 0.7), reflection: { lessonsLearned: "a lesson" } },
};

/** Drives one run through a scenario; every answer of the world comes from the decider. */
export async function drive(scenario: Scenario, decider: Decider, hooks: WorldHooks = {}, restored?: RunCheckpoint): Promise<Showing> {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const events: RunEvent[] = [];
  const world = {
    decider,
    clock,
    calls,
    moment: hooks.moment ?? (() => {}),
    answer: (request: ApprovalRequest) => answerLater(run, request),
  };
  const answerLater = (target: AutonomousRun, request: ApprovalRequest): void => {
    const answer = humanAnswer(decider.decide("human", placeOf(request)), request);
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) clock.setTimeout(() => target.send({ type: "human.answered", requestId: request.requestId, ...answer }), 5);
  };
  const orchestrator = createAutonomousOrchestrator({
    clock,
    settings: { orchestration: scenario.orchestration },
    ...(scenario.budget !== undefined && { budget: scenario.budget }),
    ...partsOf(scenario, world),
  });
  const run = orchestrator.createRun(
    { id: "task-1", prompt: "A" },
    {
      executionId: "x",
      clock,
      restored,
      onEvent: (event) => {
        events.push(event);
        if (scenario.pauses && event.type === "taskStarted") pauseAsDecided(run, decider, event);
        if (event.type === "paused" && decider.decide("pause", "paused") === "twice") run.send({ type: "run.pause" });
        if (event.type === "paused") clock.setTimeout(() => run.send({ type: "run.resume", at: clock.monotonicNow() }), 7);
        if (scenario.lateTask && event.type === "taskCompleted" && event.iteration === 1) run.enqueue({ id: "late", prompt: "L" });
        hooks.onEvent?.(event);
      },
    },
  );
  if (restored === undefined) for (let index = 2; index <= scenario.tasks; index++) run.enqueue({ id: `task-${index}`, prompt: "B" });
  hooks.beforeStart?.(run);
  run.start();
  let outcome: RunOutcome | undefined;
  void run.outcome.then((settled) => {
    outcome = settled;
  });
  for (let step = 0; outcome === undefined; step++) {
    if (step > 500) throw new Error("the run does not end");
    if (!(await clock.runNext()) && outcome === undefined) {
      const snapshot = run.actor.getSnapshot();
      if (snapshot.status === "stopped") break;
      throw new Error(`nothing moves any more in ${JSON.stringify(snapshot.value)}`);
    }
  }
  return { outcome: outcome as RunOutcome, events, calls, run };
}

function pauseAsDecided(run: AutonomousRun, decider: Decider, { iteration }: RunEvent): void {
  const answer = decider.decide("pause", String(iteration));
  if (answer === "no") return;
  run.send({ type: "run.pause" });
  if (answer === "takenBack") run.send({ type: "run.resume", at: 0 });
}

interface World {
  readonly decider: Decider;
  readonly clock: VirtualClock;
  readonly calls: string[];
  readonly moment: (what: string) => void;
  readonly answer: (request: ApprovalRequest) => void;
}

function partsOf(scenario: Scenario, { decider, clock, calls, moment, answer }: World) {
  const begin = (what: string): void => {
    calls.push(what);
    moment(what);
  };
  const pause = async (what: string, signal?: AbortSignal): Promise<void> => {
    await Promise.resolve();
    moment(`${what}, first await`);
    await new Promise<void>((resolve, reject) => {
      const timer = clock.setTimeout(resolve, 3);
      signal?.addEventListener("abort", () => {
        clock.clearTimeout(timer);
        reject(signal.reason);
      });
    });
    moment(`${what}, second await`);
  };
  return {
    executor: async ({ prompt }: { prompt: string }, { iteration, pass, signal, onOutput }: ExecutorScopeLike): Promise<StepResult> => {
      begin("executor");
      onOutput("chunk");
      const place = `${iteration}.${pass}`;
      const chosen = decider.decide("executor", place);
      await pause("executor", signal);
      if (chosen === "throws") throw new Error(`executor at ${place}`);
      return {
        success: chosen !== "unsuccessful",
        output: chosen === "blank" ? "" : `${prompt} at ${place}`,
        tokenUsage: { totalTokens: 10 },
      };
    },
    oracle: async ({ iteration, output }: { iteration: number; output: string }, { signal }: { signal: AbortSignal }): Promise<Verdict> => {
      begin("oracle");
      const chosen = decider.decide("oracle", `${iteration}:${output}`);
      await pause("oracle", signal);
      if (chosen === "throws") throw new Error("oracle");
      return { ...(verdicts[chosen] as Verdict), tokenUsage: { totalTokens: 5 } };
    },
    fallback: {
      canProvide: () => true,
      async get({ iteration, pass }: { iteration: number; pass: number }) {
        begin("fallback");
        await pause("fallback");
        return givenBy(decider.decide("fallback", `${iteration}.${pass}`)) ? { success: true, output: "canned" } : undefined;
      },
    },
    finalIteration: {
      async before({ request, iteration }: { request: { id: string; prompt: string }; iteration: number }) {
        begin("before");
        await pause("before");
        return givenBy(decider.decide("before", String(iteration))) ? { ...request, prompt: `${request.prompt}!` } : undefined;
      },
      async forceCompletion({ iteration }: { iteration: number }) {
        begin("force");
        await pause("force");
        return givenBy(decider.decide("force", String(iteration))) ? { success: true, output: "forced" } : undefined;
      },
    },
    ...(scenario.human !== undefined && { humanInTheLoop: humanOf(scenario.human, { decider, clock, calls, moment, answer }, begin) }),
  };
}

interface ExecutorScopeLike {
  readonly iteration: number;
  readonly pass: number;
  readonly signal: AbortSignal;
  onOutput(chunk: string): void;
}

function humanOf(kind: "requestApproval" | "notify", { decider, answer }: World, begin: (what: string) => void) {
  const isAvailable = async (): Promise<boolean> => {
    const chosen = decider.decide("available", "");
    if (chosen === "throws") throw new Error("no line");
    return chosen === "yes";
  };
  const requestFeedback = async ({ iteration }: { iteration: number }, { signal }: { signal: AbortSignal }) => {
    begin("feedback");
    const chosen = decider.decide("feedback", String(iteration));
    await Promise.resolve();
    if (chosen === "never") return untilAborted(signal);
    return givenBy(chosen) ? { comment: "well done" } : undefined;
  };
  const base = { isAvailable, requestFeedback, responseTimeoutMs: 100 };
  if (kind === "notify") {
    return {
      ...base,
      async notify(request: ApprovalRequest) {
        begin("human");
        answer(request);
      },
    };
  }
  return {
    ...base,
    async requestApproval(request: ApprovalRequest, { signal }: { signal: AbortSignal }): Promise<ApprovalAnswer> {
      begin("human");
      const chosen = humanAnswer(decider.decide("human", placeOf(request)), request);
      await Promise.resolve();
      if (chosen instanceof Error) throw chosen;
      return chosen ?? untilAborted(signal);
    },
  };
}

const placeOf = ({ point, iteration, pass }: ApprovalRequest): string => `${point} ${iteration}.${pass}`;

function humanAnswer(chosen: string, { point }: ApprovalRequest): ApprovalAnswer | Error | undefined {
  if (chosen === "never") return undefined;
  if (chosen === "throws") return new Error(`nobody at ${point}`);
  if (chosen === "modifyAndApprove") return { decision: "modifyAndApprove", modifiedAction: "modified", comment: "better so" };
  if (chosen === "blankModification") return { decision: "modifyAndApprove", modifiedAction: " " };
  return { decision: chosen as ApprovalAnswer["decision"] };
}

function givenBy(chosen: string): boolean {
  if (chosen === "throws") throw new Error("a part that a run can do without");
  return chosen !== "none";
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
