import { createMemoryData, createMemoryStore } from "../../adapters/memory/memory-store.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import { answerText, callText, idsOfCall } from "./call-text.ts";
import type { Course } from "./course.ts";

/** A method of the store that is called over a link. */
export type StoreMethod = Exclude<keyof ExecutionStore, "capabilities" | "watch" | "close">;

/** A call of the store, whoever sent it and whenever it arrives. */
export interface StoreCall {
  readonly method: StoreMethod;
  readonly parameters: readonly unknown[];
  /** The process that sent it. */
  readonly from: string;
}

/** Sees each call as it is done, before anything else is done. */
export interface StoreObserver {
  done(call: StoreCall, answer: unknown, now: number): void;
}

/** The name that the simulated coordinators share. */
export const simulatedName = "simulated";

type Row = NonNullable<ReturnType<NonNullable<ReturnType<ReturnType<typeof createMemoryData>["spaces"]["get"]>>["find"]>>;

/** The one store of a run, which does one call after the other. It neither fails nor waits: that is the links' business. */
export class SimulatedStore {
  readonly inner: ExecutionStore;
  readonly #course: Course;
  readonly #data = createMemoryData();
  #observer: StoreObserver | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #offset = 0;

  constructor(course: Course) {
    this.#course = course;
    const now = () => this.now();
    this.inner = createMemoryStore({ clock: { ...clockless, now }, data: this.#data });
  }

  observe(observer: StoreObserver): void {
    this.#observer = observer;
  }

  now(): number {
    return this.#course.clock.now() + this.#offset;
  }

  jump(ms: number): void {
    this.#offset += ms;
  }

  row(id: string): Row | undefined {
    return this.#data.spaces.get(simulatedName)?.find(id);
  }

  async do(call: StoreCall): Promise<unknown> {
    const answer = this.#last.then(() => this.#do(call));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #do(call: StoreCall): Promise<unknown> {
    const now = this.now();
    const method = this.inner[call.method] as (...parameters: readonly unknown[]) => Promise<unknown>;
    const answer = await method.apply(this.inner, [...call.parameters]);
    this.#course.note("store", () => `${callText(call)} from ${call.from} = ${answerText(call, answer)}`, idsOfCall(call, answer));
    this.#observer?.done(call, answer, now);
    return answer;
  }
}

const clockless = {
  monotonicNow: () => 0,
  setTimeout: () => {
    throw new Error("the memory store needs no timers");
  },
  clearTimeout: () => {},
};
