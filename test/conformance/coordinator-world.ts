import { UnknownWordError } from "./conformance-case.ts";
import { HarnessClock } from "./harness-clock.ts";
import {
  type Coordinator,
  createCoordinator,
  type ExecutionEvent,
  type ExecutionInfo,
  type ExecutionStatus,
  type Oracle,
  type RunOutcome,
  type StartOptions,
  type StepResult,
} from "./library.ts";
import { Forms } from "./matcher.ts";
import { type ExecutorEntry, type OracleEntry, oracleScript, Script, untilAborted } from "./script.ts";
import { answerFrom, type CaseRequest, judgeFrom } from "./scripted-parts.ts";
import { toPascalCase } from "./spelling.ts";
import type { Words } from "./words.ts";

type Outcome = RunOutcome<StepResult>;

/** A call of a manual executor that nobody has finished yet. */
interface OpenCall {
  finish(output: string): void;
  fail(error: Error): void;
}

/** What the harness knows of one execution. */
interface Started {
  readonly label: string;
  readonly prompt: string;
  readonly executor: Script<ExecutorEntry>;
  readonly oracle: Script<OracleEntry>;
  executions: number;
  signal?: AbortSignal;
  openCall?: OpenCall;
  id?: string;
}

export interface StartScripts {
  readonly executor?: Script<ExecutorEntry>;
  readonly oracle?: Script<OracleEntry>;
}

const defaultEntry: ExecutorEntry = { output: "done", success: true, untilCancelled: false, chunks: [], delayMs: 0 };

/** A coordinator, the executors it runs, and labels instead of ids. */
export class CoordinatorWorld {
  readonly clock: HarnessClock;
  readonly coordinator: Coordinator<CaseRequest, Outcome>;
  readonly #isManual: boolean;
  readonly #hasOracle: boolean;
  readonly #byLabel = new Map<string, Started>();
  readonly #byId = new Map<string, Started>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #events: ExecutionEvent<Outcome>[] = [];

  constructor(given: Words) {
    const executor = given.text("executor");
    if (executor !== "manual" && executor !== "scripted") throw given.unknown("executor");
    this.#isManual = executor === "manual";
    this.#hasOracle = given.flag("oracle") ?? false;
    this.clock = new HarnessClock({ now: given.number("clockStart") ?? 0 });
    this.coordinator = this.create(given.number("maxConcurrent"), given.number("maxAttempts"));
    this.coordinator.on("*", (event) => this.#events.push(event));
  }

  create(maxConcurrent: number | undefined, maxAttempts?: number): Coordinator<CaseRequest, Outcome> {
    return createCoordinator<CaseRequest, StepResult>({
      executor: { execute: (request, scope) => this.#execute(request, scope) },
      ...(this.#hasOracle && { oracle: { create: ({ executionId }) => this.#oracleOf(executionId) } }),
      maxQueued: 0,
      clock: this.clock,
      ...(maxConcurrent !== undefined && { maxConcurrent }),
      ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
    });
  }

  async start(label: string, prompt: string, options: StartOptions, { executor, oracle }: StartScripts): Promise<void> {
    const started: Started = {
      label,
      prompt,
      executor: executor ?? new Script([defaultEntry]),
      oracle: oracle ?? oracleScript([]),
      executions: 0,
    };
    // The label is needed from the first call on, which may come before the id is known here.
    this.#byLabel.set(label, started);
    try {
      const id = await this.coordinator.start({ id: label, prompt, label }, options);
      started.id = id;
      this.#byId.set(id, started);
    } catch (error) {
      this.#byLabel.delete(label);
      throw error;
    }
  }

  /** The id behind a label; a label that was never started stands for itself, as an id that nobody knows. */
  idOf(label: string): string {
    return this.#byLabel.get(label)?.id ?? label;
  }

  /** Ids of labels, or of everything that one `startMany` started. */
  idsOf(labels: unknown): readonly string[] {
    const all = [...this.#byLabel.values()];
    const wanted = Array.isArray(labels)
      ? all.filter(({ label }) => labels.includes(label))
      : all.filter(({ label }) => label.startsWith(`${labels}#`));
    return wanted.flatMap(({ id }) => (id === undefined ? [] : [id]));
  }

  /** The record as cases write it; null for an unknown id. */
  shown(label: string): unknown {
    const info = this.coordinator.getStatus(this.idOf(label));
    return info === undefined ? null : this.#shownInfo(info);
  }

  list(status: string | undefined): unknown {
    return this.coordinator
      .list(status === undefined ? {} : { status: status as ExecutionStatus })
      .items.map((info) => this.#shownInfo(info));
  }

  count(status: string | undefined): number {
    const counts = this.coordinator.counts();
    if (status !== undefined && !Object.hasOwn(counts, status)) throw new UnknownWordError(`status ${status}`, Object.keys(counts));
    return counts[(status ?? "total") as ExecutionStatus];
  }

  openCall(label: string): OpenCall {
    const call = this.#byLabel.get(label)?.openCall;
    if (call === undefined) throw new Error(`no call of the executor is open for ${label}`);
    return call;
  }

  wasAborted(label: string): boolean {
    return this.#byLabel.get(label)?.signal?.aborted ?? false;
  }

  executionsOf(label: string): number {
    return this.#byLabel.get(label)?.executions ?? 0;
  }

  abortController(name: string): AbortController {
    const controller = this.#controllers.get(name) ?? new AbortController();
    this.#controllers.set(name, controller);
    return controller;
  }

  eventOwners(): unknown {
    const sequences = new Map<string, number>();
    let rising = true;
    for (const { executionId, sequence } of this.#events) {
      rising &&= sequence > (sequences.get(executionId) ?? Number.NEGATIVE_INFINITY);
      sequences.set(executionId, sequence);
    }
    const owners = [...sequences.keys()].map((id) => this.#byId.get(id)?.label ?? id);
    return {
      eachHasExecutionId: this.#events.length > 0 && this.#events.every(({ executionId }) => this.#byId.has(executionId)),
      seqStrictlyIncreasingPerExecution: this.#events.length > 0 && rising,
      owners: new Forms(owners, owners.toSorted(), owners.length),
    };
  }

  /** Nothing of the case goes on after it. */
  async end(): Promise<void> {
    await this.clock.until(this.coordinator.close({ mode: "cancel", deadlineMs: 1 }));
  }

  async #execute(
    request: CaseRequest,
    scope: { executionId: string; signal: AbortSignal; onOutput(chunk: string): void },
  ): Promise<StepResult> {
    const started = this.#startedOf(request, scope.executionId);
    started.executions += 1;
    started.signal = scope.signal;
    if (!this.#isManual) return answerFrom(started.executor.next(), this.clock, scope);
    const answer = new Promise<StepResult>((resolve, reject) => {
      started.openCall = { finish: (output) => resolve({ success: true, output }), fail: reject };
    });
    return Promise.race([answer, untilAborted(scope.signal)]);
  }

  #oracleOf(executionId: string): Oracle {
    return {
      verify: (_question, { signal }) => {
        const started = this.#byId.get(executionId);
        if (started === undefined) throw new Error(`the oracle was asked for an unknown execution ${executionId}`);
        return judgeFrom(started.oracle.next(), this.clock, signal);
      },
    };
  }

  #startedOf({ label }: CaseRequest, executionId: string): Started {
    const started = this.#byId.get(executionId) ?? this.#byLabel.get(label ?? "");
    if (started === undefined) throw new Error(`the executor was called for an unknown execution ${executionId}`);
    this.#byId.set(executionId, started);
    return started;
  }

  #shownInfo(info: ExecutionInfo<Outcome>): unknown {
    const { id, result, error, attempt, takeovers } = info;
    const started = this.#byId.get(id);
    return {
      of: started?.label ?? id,
      status: info.status,
      state: info.state,
      queuedAt: info.queuedAt,
      startedAt: info.startedAt,
      completedAt: info.completedAt,
      durationMs: info.durationMs,
      reason: info.reason,
      prompt: started?.prompt,
      attempts: attempt + takeovers,
      errorMessage: error?.message,
      finalState: result && toPascalCase(result.finalState),
      goalAchieved: result?.goalAchieved,
      output: result?.finalOutput,
      iterations: result?.iterations,
      hasQueuedAt: typeof info.queuedAt === "number",
      hasCompletedAt: typeof info.completedAt === "number",
      hasErrorMessage: error !== undefined && error.message !== "",
    };
  }
}
