import { FunctionWorld } from "./function-world.ts";
import { HarnessClock } from "./harness-clock.ts";
import {
  type AutonomousProcessOptions,
  createAcceptHandler,
  createDurableCoordinator,
  createMemoryQueue,
  createProcessHandler,
  type DurableCoordinator,
  type DurableStartOptions,
  type ExecutionQueue,
  type ExecutionStatus,
  type ExecutionStore,
  MemoryQueueData,
  type StepResult,
} from "./library.ts";
import { type Life, never, SharedWorld } from "./mortal-process.ts";
import { NotApplicableError } from "./not-applicable-error.ts";
import type { CaseRequest } from "./scripted-parts.ts";
import { type CaseOutcome, StartedExecutions, type StartScripts } from "./started-executions.ts";
import { type BackendName, backends, type StoreBackend } from "./store-backends.ts";
import type { Words } from "./words.ts";

/** Which parts a case runs on. */
export interface WorldKind {
  readonly store: BackendName;
  /** A memory queue beside the store; without it the store is its own queue. */
  readonly hasQueue: boolean;
}

export const worldKinds: readonly WorldKind[] = (["memory", "documents", "sqlite", "postgres", "redis"] as const).flatMap((store) => [
  { store, hasQueue: true },
  { store, hasQueue: false },
]);

const name = "conformance";
/** Long, so that hours pass quickly: processes tell each other what happens. */
const pollMs = 5_000;

type Delivery = Parameters<Parameters<ExecutionQueue["consume"]>[1]>[0];
type CaseCoordinator = DurableCoordinator<CaseRequest, CaseOutcome>;

interface Process {
  readonly life: Life;
  readonly coordinator: CaseCoordinator;
}

interface WorkerProcess extends Process {
  readonly as: string | undefined;
}

export interface WorkerOptions {
  readonly as?: string | undefined;
  readonly concurrency?: number | undefined;
  /** The label of the execution in whose midst it dies. */
  readonly dieDuring?: string | undefined;
}

/** Processes that share a store, and a queue where it is not its own; labels instead of ids. */
export class DurableWorld {
  readonly clock: HarnessClock;
  readonly executions: StartedExecutions;
  readonly shared: SharedWorld;
  readonly leaseMs: number;
  /** How many `startWorkers` starts. */
  readonly workers: number;
  readonly #backend: StoreBackend;
  readonly #stores: ExecutionStore[] = [];
  readonly #messages: MemoryQueueData | undefined;
  readonly #queue: ReturnType<typeof createMemoryQueue> | undefined;
  readonly #maxAttempts: number | undefined;
  readonly #concurrency: number | undefined;
  readonly #histories = new Map<string, string[]>();
  /** For what the harness itself wants to know: nothing fails here. */
  readonly #store: ExecutionStore;
  /** Functions that a platform calls, on the same store and queue. */
  readonly functions: FunctionWorld;
  /** What functions have put aside. */
  readonly #aside: string[] = [];
  #client: Process;
  #workers: WorkerProcess[] = [];

  static async open(kind: WorldKind, given: Words): Promise<DurableWorld> {
    const clock = new HarnessClock({ now: given.number("clockStart") ?? 1_700_000_000_000 });
    return new DurableWorld(clock, await backends[kind.store](clock), kind.hasQueue, given);
  }

  private constructor(clock: HarnessClock, backend: StoreBackend, hasQueue: boolean, given: Words) {
    const executor = given.text("executor") ?? "scripted";
    if (executor !== "manual" && executor !== "scripted") throw given.unknown("executor");
    const crash = given.text("crash") ?? "after-save-before-enqueue";
    if (crash !== "after-save-before-enqueue") throw given.unknown("crash");
    this.clock = clock;
    this.#backend = backend;
    this.shared = new SharedWorld(clock, backend, given.blocks("faults") ?? []);
    this.executions = new StartedExecutions(clock, executor === "manual");
    this.leaseMs = given.number("leaseMs") ?? 30_000;
    this.workers = given.number("workers") ?? 1;
    this.#maxAttempts = given.number("maxAttempts");
    this.#concurrency = given.number("concurrency");
    if (hasQueue) {
      this.#messages = new MemoryQueueData();
      this.#queue = createMemoryQueue({ clock, data: this.#messages });
    }
    this.#store = backend.open();
    this.#stores.push(this.#store);
    this.#client = this.#createProcess("client", {});
    this.functions = this.#createFunctions(given.number("timeBudgetMs"));
  }

  get client(): CaseCoordinator {
    return this.#client.coordinator;
  }

  async submit(label: string, prompt: string, options: DurableStartOptions, scripts: StartScripts): Promise<void> {
    const id = `id-of-${label}`;
    this.executions.add(label, prompt, scripts);
    // A worker may be faster than the answer to the client.
    this.executions.accepted(label, id);
    try {
      await this.clock.until(this.client.start({ id: label, prompt, label }, { id, ...options }));
    } catch (error) {
      this.executions.refused(label);
      throw error;
    }
  }

  /** The process that starts it dies when the store has it, and before anybody is told. */
  async submitCrashing(label: string, prompt: string, options: DurableStartOptions, scripts: StartScripts): Promise<void> {
    const id = `id-of-${label}`;
    this.executions.add(label, prompt, scripts);
    this.executions.accepted(label, id);
    const { coordinator } = this.#createProcess("client", {}, { alive: true, diesBeforePublishing: true });
    coordinator.start({ id: label, prompt, label }, { id, ...options }).catch(() => {});
    await this.clock.settle();
  }

  /** All processes die, and there is another one to ask. */
  newProcess(): void {
    for (const { life } of [this.#client, ...this.#workers]) life.alive = false;
    this.#workers = [];
    this.#client = this.#createProcess("client", {});
  }

  startWorker(options: WorkerOptions): void {
    this.#workers.push({ as: options.as, ...this.#createProcess("worker", options) });
  }

  /** The one of that name, or the last one that lives. */
  async stopWorker(as: string | undefined, mode: "release" | "drain"): Promise<void> {
    const index = this.#workers.findLastIndex((worker) => worker.life.alive && (as === undefined || worker.as === as));
    const worker = this.#workers[index];
    if (worker === undefined) throw new Error(`there is no worker ${as ?? ""} to stop`);
    this.#workers.splice(index, 1);
    await this.clock.until(worker.coordinator.close({ mode, ...(mode === "release" && { deadlineMs: 0 }) }));
  }

  /** Workers take it and die, one after the other, each as soon as the lease of the one before has run out. */
  async crashWorkers(label: string, times: number): Promise<void> {
    for (let count = 0; count < times; count++) {
      this.startWorker({ dieDuring: label });
      const { life } = this.#workers.at(-1) as WorkerProcess;
      await this.until(() => !life.alive, `a worker takes ${label} and dies`);
      await this.clock.advance(this.leaseMs + 1);
    }
  }

  /** Lets time pass until something is so. */
  async until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const givesUpAt = this.clock.now() + 3_600_000;
    await this.clock.settle();
    while (!(await isSo())) {
      if (this.clock.now() >= givesUpAt || !(await this.clock.runNext())) throw new Error(`waited in vain until ${what}`);
    }
  }

  /** The record as cases write it, as a process sees it that was not there before; null for an unknown id. */
  async stored(id: string): Promise<unknown> {
    const { value: info } = await this.clock.until(this.client.getStatus(id));
    return info === undefined ? null : this.executions.shown(info);
  }

  async statusOf(label: string): Promise<ExecutionStatus | undefined> {
    const [record] = await this.#store.get(name, [this.executions.idOf(label)]);
    return record?.status;
  }

  /** From now on, what statuses are stored is remembered. */
  keepHistory(): void {
    this.shared.wrote = async () => {
      const { ids } = this.executions;
      const records = await this.#store.get(name, ids);
      for (const [index, id] of ids.entries()) {
        const status = records[index]?.status;
        const history = this.#histories.get(id) ?? [];
        this.#histories.set(id, history);
        if (status !== undefined && history.at(-1) !== status) history.push(status);
      }
    };
  }

  historyOf(label: string): readonly string[] {
    return this.#histories.get(this.executions.idOf(label)) ?? [];
  }

  /** Messages that wait, or what could be claimed where the store is its own queue. */
  async queueLength(): Promise<number> {
    if (this.#messages !== undefined) return this.#messages.waiting.get(name)?.length ?? 0;
    await this.#backend.beforeCall();
    const claimable = await this.#store.findOverdue({ name, waitingMs: 0, limit: 100_000 });
    return claimable.length;
  }

  /** How often workers asked for work. */
  get dequeueCalls(): number {
    return this.#queue === undefined ? this.shared.asked.store : this.shared.asked.queue;
  }

  rawMessage(body: string): void {
    this.#ofQueue().publishRaw(name, body);
  }

  async duplicateMessage(label: string): Promise<void> {
    if (this.#queue === undefined) this.shared.tellAll();
    else await this.#queue.publish([{ name, executionId: this.executions.idOf(label) }]);
  }

  async deadLetters(): Promise<readonly string[]> {
    const aside = this.#aside.length > 0 && this.#queue === undefined ? [] : await this.#ofQueue().listPutAside({ name });
    return [...aside.map(({ raw }) => raw), ...this.#aside];
  }

  /** Nothing of the case goes on after it. */
  async end(): Promise<void> {
    for (const { life, coordinator } of [...this.#workers, this.#client]) {
      if (life.alive) await this.clock.until(coordinator.close({ mode: "release", deadlineMs: 1 }));
    }
    for (const store of this.#stores) await store.close();
    await this.#backend.remove();
  }

  #ofQueue(): ReturnType<typeof createMemoryQueue> {
    if (this.#queue === undefined) throw new NotApplicableError("a store that is its own queue has no messages");
    return this.#queue;
  }

  #open(life: Life): ExecutionStore {
    const store = this.#backend.open();
    this.#stores.push(store);
    return this.shared.store(store, life, this.#queue === undefined);
  }

  #createFunctions(timeBudgetMs: number | undefined): FunctionWorld {
    const handle = createProcessHandler<CaseRequest, StepResult>({
      ...this.#optionsOf({}, { alive: true }),
      // So short are the calls of cases that every moment counts.
      reserveMs: 0,
      putAside: async ({ body }) => void this.#aside.push(body),
    });
    return new FunctionWorld({
      clock: this.clock,
      executions: this.executions,
      timeBudgetMs,
      accept: (toStart) => createAcceptHandler<CaseRequest>({ coordinator: this.client, toStart }),
      process: handle,
      textOf: (executionId) => JSON.stringify({ name, executionId }),
      next: () => this.#nextMessage(),
    });
  }

  async #nextMessage(): Promise<{ text: string; settle(failed: boolean): Promise<void> } | undefined> {
    if (this.#queue === undefined) {
      await this.#backend.beforeCall();
      const [executionId] = await this.#store.findOverdue({ name, waitingMs: 0, limit: 1 });
      return executionId === undefined ? undefined : { text: JSON.stringify({ name, executionId }), settle: async () => {} };
    }
    let taken: Delivery | undefined;
    const consumer = await this.#queue.consume({ name, visibilityTimeoutMs: 3_600_000, maxInFlight: 1 }, (delivery) => {
      taken = delivery;
    });
    await this.clock.settle();
    await consumer.close();
    const delivery = taken;
    return delivery && { text: delivery.raw, settle: (failed) => (failed ? delivery.nack() : delivery.ack()) };
  }

  #createProcess(role: "client" | "worker", options: WorkerOptions, life: Life = { alive: true }): Process {
    return { life, coordinator: createDurableCoordinator<CaseRequest, StepResult>({ ...this.#optionsOf(options, life), role, pollMs }) };
  }

  #optionsOf({ concurrency, dieDuring }: WorkerOptions, life: Life): AutonomousProcessOptions<CaseRequest, StepResult> {
    const maxConcurrent = concurrency ?? this.#concurrency;
    const maxAttempts = this.#maxAttempts;
    return {
      name,
      leaseMs: this.leaseMs,
      clock: this.clock,
      random: () => 0.5,
      store: this.#open(life),
      ...(this.#queue !== undefined && { queue: this.shared.queue(this.#queue, life) }),
      ...(maxConcurrent !== undefined && { maxConcurrent }),
      // Every run that begins counts, also one that follows a lost lease.
      ...(maxAttempts !== undefined && { retry: { maxAttempts }, maxTakeovers: maxAttempts - 1 }),
      executor: {
        execute: (request, scope) => {
          if (!life.alive) return never;
          const answer = this.executions.execute(request, scope);
          if (request.label === undefined || request.label !== dieDuring) return answer;
          answer.catch(() => {});
          life.alive = false;
          return never;
        },
      },
      oracle: {
        create: ({ executionId }) => ({
          ...this.executions.oracleOf(executionId),
          isConfigured: this.executions.hasOracle(executionId),
        }),
      },
    };
  }
}
