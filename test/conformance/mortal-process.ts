import { UnknownWordError } from "./conformance-case.ts";
import type { HarnessClock } from "./harness-clock.ts";
import { type ExecutionQueue, type ExecutionStore, StoreUnavailableError } from "./library.ts";
import type { StoreBackend } from "./store-backends.ts";
import type { Words } from "./words.ts";

/** Whether a process still runs. A dead one gets no answers any more, and what it asks for does not happen. */
export interface Life {
  alive: boolean;
  /** It dies when what it starts is stored, and before anybody is told. */
  readonly diesBeforePublishing?: boolean;
}

export const never = new Promise<never>(() => {});

type StoreMethod = Exclude<keyof ExecutionStore, "capabilities">;

const operations = ["enqueue", "dequeue", "load", "save"] as const;
type Operation = (typeof operations)[number];

/** What the operations of cases are in a store; a store that is its own queue enqueues and dequeues, too. */
const storeOperations: Readonly<Partial<Record<StoreMethod, Operation>>> = {
  get: "load",
  readSignals: "load",
  insert: "save",
  checkpoint: "save",
  settle: "save",
  park: "save",
};

/** Calls that others should hear of. */
const tellingMethods: ReadonlySet<StoreMethod> = new Set(["insert", "settle", "park", "requestCancel", "appendSignals", "sweep"]);

/** What all processes of a case share: who hears of what, what fails, and who looks at each write. */
export class SharedWorld {
  readonly #clock: HarnessClock;
  readonly #backend: StoreBackend;
  readonly #faults = new Map<Operation, number>();
  readonly #listeners = new Set<() => void>();
  /** Calls of each operation by workers. */
  readonly asked = { store: 0, queue: 0 };
  /** Called after each call that may have changed a status. */
  wrote: () => Promise<void> = async () => {};

  constructor(clock: HarnessClock, backend: StoreBackend, faults: readonly Words[]) {
    this.#clock = clock;
    this.#backend = backend;
    for (const words of faults) {
      const operation = words.text("op") as Operation;
      if (!operations.includes(operation)) throw new UnknownWordError(`fault of ${operation}`, operations);
      this.#faults.set(operation, words.number("times") ?? 1);
      words.done();
    }
  }

  /** Every watcher is told that something may have happened. */
  tellAll(): void {
    for (const listener of this.#listeners) listener();
  }

  /** The store as a process of that life has it. */
  store(store: ExecutionStore, life: Life, isOwnQueue: boolean): ExecutionStore {
    const call = async (method: StoreMethod, parameters: readonly unknown[]): Promise<unknown> => {
      if (!life.alive) return never;
      if (method === "claim") this.asked.store += 1;
      const operation = method === "claim" ? (isOwnQueue ? "dequeue" : "load") : storeOperations[method];
      if (operation !== undefined) this.#mayFail(operation);
      if (isOwnQueue && method === "insert") this.#mayFail("enqueue");
      const answer = await this.#clock.during(this.#call(store, method, parameters));
      if (isOwnQueue && method === "insert" && life.diesBeforePublishing) life.alive = false;
      else if (tellingMethods.has(method)) this.tellAll();
      return life.alive ? answer : never;
    };
    return new Proxy(store, {
      get: (target, key) => {
        if (key === "watch") return (_: unknown, listener: (notice: { type: "missed" }) => void) => this.#watch(life, listener);
        const value = target[key as StoreMethod] as unknown;
        return typeof value === "function" ? (...parameters: unknown[]) => call(key as StoreMethod, parameters) : value;
      },
    });
  }

  queue(queue: ExecutionQueue, life: Life): ExecutionQueue {
    const alive = async <Result>(run: () => Promise<Result>): Promise<Result> => {
      if (!life.alive) return never;
      const result = await run();
      return life.alive ? result : never;
    };
    return {
      ...queue,
      publish: (messages) =>
        alive(async () => {
          if (life.diesBeforePublishing) {
            life.alive = false;
            return never;
          }
          this.#mayFail("enqueue");
          return queue.publish(messages);
        }),
      consume: (options, handle) =>
        alive(async () => {
          this.asked.queue += 1;
          this.#mayFail("dequeue");
          return queue.consume(options, (delivery) => {
            if (life.alive) handle({ ...delivery, ack: () => alive(() => delivery.ack()), nack: (how) => alive(() => delivery.nack(how)) });
          });
        }),
    };
  }

  async #call(store: ExecutionStore, method: StoreMethod, parameters: readonly unknown[]): Promise<unknown> {
    await this.#backend.beforeCall();
    const answer = await (store[method] as (...all: readonly unknown[]) => Promise<unknown>)(...parameters);
    if (method === "claim" || tellingMethods.has(method)) await this.wrote();
    return answer;
  }

  async #watch(life: Life, listener: (notice: { type: "missed" }) => void): Promise<unknown> {
    const tell = () => void (life.alive && listener({ type: "missed" }));
    this.#listeners.add(tell);
    return { follow: async () => {}, unfollow: () => {}, close: async () => void this.#listeners.delete(tell) };
  }

  #mayFail(operation: Operation): void {
    const left = this.#faults.get(operation) ?? 0;
    if (left === 0) return;
    this.#faults.set(operation, left - 1);
    throw new StoreUnavailableError(`${operation} fails, as the case says`);
  }
}
