import type { SeenEvent } from "./event-expectations.ts";
import type { HarnessClock } from "./harness-clock.ts";
import type { Interruption } from "./interrupts.ts";
import {
  type AutonomousOrchestrator,
  createAutonomousOrchestrator,
  type HistoryEntry,
  type RunCheckpoint,
  type RunEvent,
  type StepResult,
} from "./library.ts";
import { shownVerdict } from "./model-actions.ts";
import type { RunWorld } from "./run-world.ts";
import { answerFrom, type CaseRequest, judgeFrom } from "./scripted-parts.ts";
import { toPascalCase } from "./spelling.ts";
import { errorKind } from "./thrown-error.ts";

/** What one run showed: its events, and the words of `then` with what was seen. */
export interface RunShowing {
  readonly events: readonly SeenEvent[];
  readonly fields: Readonly<Record<string, unknown>>;
  readonly sessionId: string | undefined;
  /** The last one that was created. */
  readonly checkpoint: RunCheckpoint | undefined;
}

type Orchestrator = AutonomousOrchestrator<CaseRequest, StepResult>;

/** Makes an orchestrator in that world, runs it to its end, from a checkpoint if there is one, and tells what was seen. */
export async function showRun(world: RunWorld, checkpoint?: RunCheckpoint): Promise<RunShowing> {
  const calls: RunCalls = { executorPrompts: [], oracleGoals: [] };
  const events: RunEvent[] = [];
  const again: Promise<unknown>[] = [];
  const feedbackBefore = world.human?.feedbackOutputs.length ?? 0;
  const interrupt = (moment: string): void => {
    for (const interruption of world.interrupts.at(moment)) perform(interruption, orchestrator, again);
  };
  const orchestrator: Orchestrator = makeOrchestrator(world, calls, interrupt);
  orchestrator.on("*", (event) => {
    events.push(event);
    const type = toPascalCase(event.type);
    interrupt(type);
    if (world.listenerThrowsOn.has(type)) throw new Error(`the listener of ${type} throws`);
  });

  let elapsedMs = 0;
  const run = async (): Promise<unknown> => {
    if (checkpoint === undefined) {
      for (const [index, prompt] of world.prompts.entries()) orchestrator.enqueue({ id: `task-${index + 1}`, prompt });
      return orchestrator.start();
    }
    return orchestrator.restore(asStored(checkpoint));
  };
  ({ elapsedMs } = await world.clock.until(run()));
  const secondStart = again.length === 0 ? null : await settled(world.clock, Promise.all(again));
  return toShowing(orchestrator, {
    events,
    calls,
    elapsedMs,
    secondStart,
    feedbackOutputs: world.human?.feedbackOutputs.slice(feedbackBefore) ?? [],
  });
}

interface RunCalls {
  readonly executorPrompts: string[];
  readonly oracleGoals: string[];
}

function makeOrchestrator(world: RunWorld, calls: RunCalls, interrupt: (moment: string) => void): Orchestrator {
  const { clock, settings, executor, oracle, oracleConfigured, fallback, finalIteration, human } = world;
  return createAutonomousOrchestrator<CaseRequest, StepResult>({
    clock,
    settings,
    executor: {
      async execute(request, scope) {
        const entry = executor.next();
        calls.executorPrompts.push(request.prompt);
        interrupt("@executor");
        return answerFrom(entry, clock, scope);
      },
    },
    ...(oracle !== undefined && {
      oracle: {
        isConfigured: oracleConfigured,
        async verify({ goal }, { signal }) {
          const entry = oracle.next();
          calls.oracleGoals.push(goal);
          interrupt("@oracle");
          return judgeFrom(entry, clock, signal);
        },
      },
    }),
    ...(fallback !== undefined && {
      fallback: {
        canProvide: () => !fallback.isEmpty,
        get: () => answerFrom(fallback.next(), clock, { signal: new AbortController().signal }),
      },
    }),
    ...(finalIteration !== undefined && { finalIteration }),
    ...(human !== undefined && { humanInTheLoop: human.human }),
  });
}

function perform(interruption: Interruption, orchestrator: Orchestrator, again: Promise<unknown>[]): void {
  if (interruption === "startAgain") again.push(secondStart(orchestrator));
  else if (interruption === "cancel") void orchestrator.cancel();
  else orchestrator[interruption]();
}

/** How a start during a run was answered: the kind of its error, or "Started". */
async function secondStart(orchestrator: Orchestrator): Promise<unknown> {
  try {
    await orchestrator.start();
    return "Started";
  } catch (error) {
    return errorKind(error);
  }
}

async function settled(clock: HarnessClock, answers: Promise<readonly unknown[]>): Promise<unknown> {
  const { value } = await clock.until(answers);
  return value[0];
}

/** A checkpoint goes through JSON, as it does in any store. */
function asStored(checkpoint: RunCheckpoint): RunCheckpoint {
  return JSON.parse(JSON.stringify(checkpoint)) as RunCheckpoint;
}

interface Recorded {
  readonly events: readonly RunEvent[];
  readonly calls: RunCalls;
  readonly elapsedMs: number;
  readonly secondStart: unknown;
  readonly feedbackOutputs: readonly string[];
}

function toShowing(orchestrator: Orchestrator, { events, calls, elapsedMs, secondStart, feedbackOutputs }: Recorded): RunShowing {
  const { status } = orchestrator;
  const checkpoints = events.flatMap((event) => (event.type === "checkpointCreated" ? [event.checkpoint] : []));
  const ending = events.find((event) => event.type === "error");
  return {
    events: events.map(shownEvent),
    sessionId: events.at(-1)?.sessionId,
    checkpoint: checkpoints.at(-1),
    fields: {
      state: toPascalCase(status.state),
      executions: calls.executorPrompts.length,
      executorPrompts: calls.executorPrompts,
      oracleCalls: calls.oracleGoals.length,
      oracleGoals: calls.oracleGoals,
      iterations: status.iteration,
      queued: status.queued,
      history: status.history.map(shownEntry),
      historyCount: status.history.length,
      finalOutput: status.finalOutput,
      forced: status.forced,
      goalAchieved: status.goalAchieved,
      error: ending?.type === "error" ? ending.error.message : null,
      lastError: status.lastError?.message,
      contextOutputs: status.context.previousOutputs,
      contextLearnings: status.context.learnings.map(({ summary }) => summary),
      checkpoints: checkpoints.length,
      feedbackOutputs,
      elapsedMs,
      secondStart,
    },
  };
}

function shownEntry(entry: HistoryEntry): unknown {
  const { verdict, error, output } = entry;
  return {
    ...entry,
    output: output ?? null,
    error: error?.message ?? null,
    verdict: verdict === undefined ? null : shownVerdict(verdict),
    attempts: entry.tries,
  };
}

const noFields = { reason: null, attempt: null, remaining: null, point: null, decision: null, prompt: null, error: null, output: null };

/** An event in the words of cases: names in PascalCase, errors as their message, the fields of a verdict beside the others. */
function shownEvent(event: RunEvent): SeenEvent {
  const fields = event as unknown as Readonly<Record<string, unknown>> & RunEvent;
  const verdict = event.type === "oracleVerified" ? shownVerdict(event.verdict) : {};
  const result = (fields as { result?: StepResult }).result;
  return {
    ...noFields,
    ...verdict,
    ...fields,
    ...("verdict" in event && { verdict }),
    ...("error" in event && { error: event.error.message }),
    ...("point" in event && { point: toPascalCase(event.point) }),
    ...("decision" in event && { decision: toPascalCase(event.decision) }),
    ...(result !== undefined && { output: result.output }),
    ...(event.type === "taskOutput" && { output: event.chunk }),
    type: toPascalCase(event.type),
  };
}
