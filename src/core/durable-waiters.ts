import { ExecutionNotFoundError } from "../model/errors.ts";
import { isFinalStatus } from "../model/execution.ts";
import type { StoredExecution } from "../model/stored-execution.ts";
import type { Clock } from "../ports/clock.ts";
import { type StoredEnd, settleWaiter } from "./durable-outcome.ts";
import type { Waiter } from "./execution-record.ts";

/** Records that one look asks for. */
const maxLooks = 200;

/** What waiting needs of the store. */
export interface WaiterSource {
  get(ids: readonly string[]): Promise<readonly (StoredExecution | undefined)[]>;
  /** From when it resolves, ends are noticed. */
  follow(ids: readonly string[]): Promise<void>;
  unfollow(ids: readonly string[]): void;
  reportError(error: unknown): void;
}

/**
 * Who waits for the ends of executions, wherever they run. An end is learnt from the worker in this process, from a notice of the store,
 * or from looking there every `pollMs`; whoever learns it first tells.
 */
export class DurableWaiters {
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #source: WaiterSource;
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Ids that the next looks are for, so that many take turns. */
  #turns: string[] = [];
  #timer: unknown;
  #armed = false;
  #closed = false;

  constructor(clock: Clock, pollMs: number, source: WaiterSource) {
    this.#clock = clock;
    this.#pollMs = pollMs;
    this.#source = source;
  }

  /** The waiter is settled when the execution has ended; rejected when there is none. */
  async add(id: string, waiter: Waiter): Promise<void> {
    const known = this.#waiters.get(id);
    const waiters = known ?? new Set();
    waiters.add(waiter);
    this.#waiters.set(id, waiters);
    this.#arm();
    try {
      if (known === undefined) await this.#source.follow([id]);
      await this.look([id]);
    } catch (error) {
      if (!waiters.has(waiter)) return;
      this.forget(id, waiter);
      waiter.reject(error);
    }
  }

  forget(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    if (waiters?.delete(waiter) && waiters.size === 0) this.#drop(id);
  }

  /** Asks the store about these, or about all that are waited for. */
  async look(ids: readonly string[] = [...this.#waiters.keys()]): Promise<void> {
    const wanted = ids.filter((id) => this.#waiters.has(id));
    for (let from = 0; from < wanted.length; from += maxLooks) {
      const some = wanted.slice(from, from + maxLooks);
      const records = await this.#source.get(some);
      for (const [index, id] of some.entries()) this.#learn(id, records[index]);
    }
  }

  /** The store has accepted this end. */
  ended(end: StoredEnd): void {
    const waiters = this.#waiters.get(end.id);
    if (waiters === undefined) return;
    this.#drop(end.id);
    for (const waiter of waiters) settleWaiter(waiter, end);
  }

  /** Nobody is told ends any more. */
  close(errorOf: (id: string) => Error): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    for (const [id, waiters] of [...this.#waiters]) {
      this.#waiters.delete(id);
      for (const { reject } of waiters) reject(errorOf(id));
    }
  }

  #learn(id: string, record: StoredExecution | undefined): void {
    const waiters = this.#waiters.get(id);
    if (waiters === undefined) return;
    if (record === undefined) {
      this.#drop(id);
      for (const { reject } of waiters) reject(new ExecutionNotFoundError(id));
    } else if (isFinalStatus(record.status)) {
      this.ended(record as StoredEnd);
    }
  }

  #drop(id: string): void {
    this.#waiters.delete(id);
    this.#source.unfollow([id]);
    if (this.#waiters.size > 0 || !this.#armed) return;
    this.#clock.clearTimeout(this.#timer);
    this.#armed = false;
  }

  #arm(): void {
    if (this.#armed || this.#closed || this.#waiters.size === 0) return;
    this.#armed = true;
    this.#timer = this.#clock.setTimeout(() => {
      this.#armed = false;
      if (this.#turns.length === 0) this.#turns = [...this.#waiters.keys()];
      void this.look(this.#turns.splice(0, maxLooks))
        .catch((error) => this.#source.reportError(error))
        .finally(() => this.#arm());
    }, this.#pollMs);
  }
}
