import { createDurableCoordinator, type DurableCoordinator } from "../../src/core/durable-coordinator.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { createFaultMachine, type MachineWork } from "./fault-machine.ts";
import type { FunctionWork } from "./worker-program.ts";

const steps = 4;
const signals = 3;

interface Started {
  readonly name: "function" | "machine";
  readonly id: string;
  /** Signals whose acceptance was told, and all that were sent. */
  readonly accepted: number[];
  sent: number;
  result?: unknown;
}

/** The client of a test: goes on starting executions until it is told to stop, and waits for each of them. */
export class FaultLoad {
  /** What was accepted, by id. */
  readonly started = new Map<string, Started>();
  /** How many have ended as they should. */
  ended = 0;
  /** Calls that were told that the store could not be reached. */
  unavailable = 0;
  readonly #functions: DurableCoordinator<FunctionWork, number>;
  readonly #machines: DurableCoordinator<MachineWork, { steps: number; heard: readonly number[] }>;
  readonly #slots: Promise<void>[] = [];
  #count = 0;
  #stopped = false;
  #enough: { readonly count: number; resolve(): void }[] = [];

  constructor(store: ExecutionStore, maxTakeovers: number, onError: (error: unknown) => void, queue?: ExecutionQueue) {
    const common = { store, ...(queue && { queue }), maxTakeovers, onError, role: "client" } as const;
    this.#functions = createDurableCoordinator({ ...common, name: "function", orchestrator: async (_: FunctionWork) => 0 });
    this.#machines = createDurableCoordinator({ ...common, name: "machine", orchestrator: createFaultMachine(async () => {}) });
  }

  /** Keeps so many functions and machines under way. */
  keep(functions: number, machines: number): void {
    for (let slot = 0; slot < functions; slot++) this.#slots.push(this.#repeat(() => this.#runFunction()));
    for (let slot = 0; slot < machines; slot++) this.#slots.push(this.#repeat(() => this.#runMachine()));
  }

  /** One function; resolves when it is accepted. */
  async startFunction(id: string, work: FunctionWork): Promise<void> {
    await this.#functions.start(work, { id });
    this.started.set(id, { name: "function", id, accepted: [], sent: 0 });
  }

  async endOf(id: string): Promise<number> {
    return this.#functions.waitFor(id);
  }

  /** Resolves when so many have ended in all. */
  untilEnded(count: number): Promise<void> {
    return new Promise((resolve) => this.#enough.push({ count, resolve }));
  }

  /** Starts nothing more; resolves when all that was started has ended. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#slots);
  }

  async close(): Promise<void> {
    await Promise.all([this.#functions.close(), this.#machines.close()]);
  }

  async #repeat(run: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await run();
      this.ended += 1;
      for (const { count, resolve } of this.#enough) if (this.ended >= count) resolve();
    }
  }

  async #runFunction(): Promise<void> {
    const id = `function-${++this.#count}`;
    await this.#insist(() => this.#functions.start({ steps, workMs: 5 }, { id, idempotencyKey: id }));
    const started: Started = { name: "function", id, accepted: [], sent: 0 };
    this.started.set(id, started);
    started.result = await this.#insist(() => this.#functions.waitFor(id));
  }

  async #runMachine(): Promise<void> {
    const id = `machine-${++this.#count}`;
    const work = { id, steps, workMs: 5, restMs: this.#count % 4 === 0 ? 1_100 : 0 };
    await this.#insist(() => this.#machines.start(work, { id, idempotencyKey: id }));
    const started: Started = { name: "machine", id, accepted: [], sent: 0 };
    this.started.set(id, started);
    for (let n = 1; n <= signals; n++) {
      started.sent = n;
      // Not repeated: one whose answer was lost may have been stored.
      const report = await this.#try(() => this.#machines.send(id, { type: "told", n }));
      if (report?.accepted) started.accepted.push(n);
    }
    await this.#insist(() => this.#machines.send(id, { type: "ended" }));
    started.result = await this.#insist(() => this.#machines.waitFor(id));
  }

  async #insist<Result>(call: () => Promise<Result>): Promise<Result> {
    for (;;) {
      const done = await this.#try(async () => ({ result: await call() }));
      if (done !== undefined) return done.result;
    }
  }

  async #try<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.unavailable += 1;
      return undefined;
    }
  }
}
