import type { HarnessClock } from "./harness-clock.ts";
import type { ExecutionInfo, Oracle, RunOutcome, StepResult } from "./library.ts";
import { type ExecutorEntry, type OracleEntry, oracleScript, Script, untilAborted } from "./script.ts";
import { answerFrom, type CaseRequest, judgeFrom } from "./scripted-parts.ts";
import { toPascalCase } from "./spelling.ts";

export type CaseOutcome = RunOutcome<StepResult>;

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

export interface CallScope {
  readonly executionId: string;
  readonly signal: AbortSignal;
  onOutput(chunk: string): void;
}

const defaultEntry: ExecutorEntry = { output: "done", success: true, untilCancelled: false, chunks: [], delayMs: 0 };

/** The executions of a case by their labels, with what their executors and oracles do. They outlive the processes of the case. */
export class StartedExecutions {
  readonly #clock: HarnessClock;
  readonly #isManual: boolean;
  readonly #byLabel = new Map<string, Started>();
  readonly #byId = new Map<string, Started>();

  constructor(clock: HarnessClock, isManual: boolean) {
    this.#clock = clock;
    this.#isManual = isManual;
  }

  /** The label is needed from the first call on, which may come before the id is known here. */
  add(label: string, prompt: string, { executor, oracle }: StartScripts): void {
    this.#byLabel.set(label, {
      label,
      prompt,
      executor: executor ?? new Script([defaultEntry]),
      oracle: oracle ?? oracleScript([]),
      executions: 0,
    });
  }

  accepted(label: string, id: string): void {
    const started = this.#byLabel.get(label);
    if (started === undefined) return;
    started.id = id;
    this.#byId.set(id, started);
  }

  refused(label: string): void {
    this.#byLabel.delete(label);
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

  get ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  isKnown(id: string): boolean {
    return this.#byId.has(id);
  }

  labelOf(id: string): string {
    return this.#byId.get(id)?.label ?? id;
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

  get mostExecutions(): number {
    return Math.max(0, ...[...this.#byLabel.values()].map(({ executions }) => executions));
  }

  async execute(request: CaseRequest, scope: CallScope): Promise<StepResult> {
    const started = this.#startedOf(request, scope.executionId);
    started.executions += 1;
    started.signal = scope.signal;
    if (!this.#isManual) return answerFrom(started.executor.next(), this.#clock, scope);
    const answer = new Promise<StepResult>((resolve, reject) => {
      started.openCall = { finish: (output) => resolve({ success: true, output }), fail: reject };
    });
    return Promise.race([answer, untilAborted(scope.signal)]);
  }

  /** Whether the case says what its oracle answers. */
  hasOracle(executionId: string): boolean {
    return this.#byId.get(executionId)?.oracle.isEmpty === false;
  }

  oracleOf(executionId: string): Oracle {
    return {
      verify: (_question, { signal }) => {
        const started = this.#byId.get(executionId);
        if (started === undefined) throw new Error(`the oracle was asked for an unknown execution ${executionId}`);
        return judgeFrom(started.oracle.next(), this.#clock, signal);
      },
    };
  }

  /** The record as cases write it. */
  shown(info: ExecutionInfo<CaseOutcome>): unknown {
    const { id, result, error } = info;
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
      // Every run that began counts, also one that followed a lost lease.
      attempts: info.attempt,
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

  #startedOf({ label }: CaseRequest, executionId: string): Started {
    const started = this.#byId.get(executionId) ?? this.#byLabel.get(label ?? "");
    if (started === undefined) throw new Error(`the executor was called for an unknown execution ${executionId}`);
    this.#byId.set(executionId, started);
    return started;
  }
}
