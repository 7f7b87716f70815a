import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import type { StoreNotice, StoreWatch, WatchRequest } from "../../ports/store-message.ts";
import { callText } from "./call-text.ts";
import type { Course } from "./course.ts";
import { ratesOf, type Weather } from "./simulated-faults.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { SimulatedStore, StoreCall, StoreMethod } from "./simulated-store.ts";

/** Sees what processes send, and what reaches them. */
export interface LinkObserver {
  /** A process asks the store, not knowing whether that will arrive. */
  sent(process: SimulatedProcess, call: StoreCall): void;
  /** A process learns the answer to what it sent at that moment of the run. */
  answered(process: SimulatedProcess, call: StoreCall, answer: unknown, sentAt: number): void;
}

const methods: readonly StoreMethod[] = [
  ...(["insert", "get", "list", "counts", "claim", "renew", "changeSlots", "checkpoint", "settle", "park", "requestCancel"] as const),
  ...(["appendSignals", "readSignals", "appendEvents", "readEvents", "sweep", "findOverdue", "remove"] as const),
];

/** What a link needs to know of its run. */
export interface LinkOptions {
  readonly course: Course;
  readonly store: SimulatedStore;
  readonly weather: Weather;
  /** How long a call may be on its way when nobody waits for it any more. */
  readonly longestMs: number;
  readonly observer: LinkObserver;
  /** Crashes and pauses at calls are for workers. */
  readonly mayStop: boolean;
  stopped(process: SimulatedProcess): void;
  /** It is to be closed while this call is on its way. */
  close(process: SimulatedProcess): void;
}

/** The way from a process to the store and back, on which everything goes wrong that can. */
export class SimulatedLink {
  readonly #options: LinkOptions;
  #brokenUntil = Number.NEGATIVE_INFINITY;
  /** When a call last went another way than its process knows. */
  #troubledAt = Number.NEGATIVE_INFINITY;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Nothing gets through for so long. */
  breakFor(ms: number): void {
    this.#brokenUntil = Math.max(this.#brokenUntil, this.#options.course.elapsedMs + ms);
  }

  /** All calls went well for so long, and were answered soon. */
  hasBeenGoodFor(ms: number): boolean {
    const { course, weather } = this.#options;
    return course.elapsedMs - this.#troubledAt > ms && course.elapsedMs - this.#brokenUntil > ms && weather.latencyMs <= 50;
  }

  /** The store, as the process sees it. */
  connect(process: SimulatedProcess): ExecutionStore {
    const { store } = this.#options;
    const calls = methods.map((method) => [method, (...parameters: unknown[]) => this.#call(process, method, parameters)]);
    return {
      ...(Object.fromEntries(calls) as Pick<ExecutionStore, StoreMethod>),
      capabilities: store.inner.capabilities,
      watch: (request, listener) => this.#watch(process, request, listener),
      close: async () => {},
    };
  }

  #call(process: SimulatedProcess, method: StoreMethod, parameters: readonly unknown[]): Promise<unknown> {
    const { course, observer } = this.#options;
    const call: StoreCall = { method, parameters, from: process.name };
    course.called();
    if (process.isDead || course.broken !== undefined || this.#stopsAt(process, call)) return new Promise(() => {});
    const sentAt = course.elapsedMs;
    observer.sent(process, call);
    return new Promise((resolve, reject) => {
      process.leave(() =>
        this.#transmit(process, call, {
          resolve: (answer) => {
            observer.answered(process, call, answer, sentAt);
            resolve(answer);
          },
          reject,
        }),
      );
    });
  }

  /** Whether the process dies before it can send this. One that stands still sends it when it goes on. */
  #stopsAt(process: SimulatedProcess, call: StoreCall): boolean {
    const { course, weather, mayStop, stopped, close, longestMs } = this.#options;
    if (course.calm || !mayStop) return false;
    if (course.dice.chance(weather.crashAtCall)) {
      course.note(process.name, () => `dies before ${callText(call)}`);
      process.crash();
      stopped(process);
      return true;
    }
    if (course.dice.chance(weather.pauseAtCall)) {
      const ms = course.dice.int(1, longestMs * 2);
      course.note(process.name, () => `stands still for ${ms} ms before ${callText(call)}`);
      process.pause(ms);
      this.#troubledAt = course.elapsedMs + ms;
    }
    // One that brings work that nobody expects any more is worth more trials.
    const closes = weather.closeAtCall * (call.method === "claim" ? 5 : 1);
    if (course.dice.chance(closes)) course.clock.setTimeout(() => close(process), 0);
    return false;
  }

  #transmit(
    process: SimulatedProcess,
    call: StoreCall,
    { resolve, reject }: { resolve(answer: unknown): void; reject(error: unknown): void },
  ): void {
    const { course, store, weather } = this.#options;
    const { dice } = course;
    const answer = (backMs: number, run: () => void) => course.after(backMs, () => process.reach(run));
    const lose = (what: string) => {
      this.#troubledAt = course.elapsedMs;
      course.note(process.name, () => `${callText(call)}: ${what}`);
      return () => reject(new StoreUnavailableError(`simulated: ${what}`));
    };
    if (course.calm) {
      void store.do(call).then((result) => answer(0, () => resolve(result)), reject);
      return;
    }
    const rates = ratesOf(weather, call.method);
    const thereMs = dice.int(0, weather.latencyMs);
    const backMs = dice.int(0, weather.latencyMs);
    if (course.elapsedMs < this.#brokenUntil || dice.chance(rates.failBefore)) {
      answer(thereMs + backMs, lose("fails before it is done"));
      return;
    }
    const isLate = dice.chance(rates.noAnswer);
    const isLost = dice.chance(rates.failAfter);
    const isDoubled = dice.chance(weather.duplicate);
    if (isLate) {
      this.#troubledAt = course.elapsedMs;
      course.note(process.name, () => `${callText(call)}: is not answered`);
      if (dice.chance(0.7)) this.#doLate(call);
      return;
    }
    course.after(thereMs, () => {
      void store.do(call).then((result) => {
        this.#mayDieAfter(process, call);
        if (isLost) answer(backMs, lose("was done, but its answer is lost"));
        else answer(backMs, () => resolve(result));
      }, reject);
      if (isDoubled) this.#doLate(call);
    });
  }

  /** Nobody hears the answer. */
  #doLate(call: StoreCall): void {
    const { course, store, longestMs } = this.#options;
    course.after(course.dice.int(1, longestMs), () => {
      this.#troubledAt = course.elapsedMs;
      void store.do(call).catch(() => {});
    });
  }

  #mayDieAfter(process: SimulatedProcess, call: StoreCall): void {
    const { course, weather, mayStop, stopped } = this.#options;
    if (course.calm || !mayStop || process.isDead || !course.dice.chance(weather.crashAtCall)) return;
    course.note(process.name, () => `dies after ${callText(call)}, before it knows`);
    process.crash();
    stopped(process);
  }

  async #watch(process: SimulatedProcess, request: WatchRequest, listener: (notice: StoreNotice) => void): Promise<StoreWatch> {
    const { course, store, weather } = this.#options;
    await this.#reachable(process);
    const watch = await store.inner.watch(request, (notice) => this.#notify(process, listener, notice));
    process.whenDead(() => void watch.close());
    return {
      follow: async (ids) => {
        await this.#reachable(process);
        await watch.follow(ids);
        if (!course.calm && course.dice.chance(weather.failAfter)) throw new StoreUnavailableError("simulated: follow");
      },
      unfollow: (ids) => watch.unfollow(ids),
      close: () => watch.close(),
    };
  }

  #notify(process: SimulatedProcess, listener: (notice: StoreNotice) => void, notice: StoreNotice): void {
    const { course, weather, longestMs } = this.#options;
    const { dice } = course;
    const pass = () => process.reach(() => listener(notice));
    if (course.calm) {
      pass();
      return;
    }
    if (course.elapsedMs < this.#brokenUntil) return;
    if (!dice.chance(weather.lostNotice)) {
      course.after(dice.int(0, weather.latencyMs), pass);
      return;
    }
    const times = dice.pick([0, 0, 1, 2]);
    for (let time = 0; time < times; time++) course.after(dice.int(0, longestMs), pass);
  }

  /** Resolves when the process has reached the store; rejects when it cannot; does neither when it dies. */
  #reachable(process: SimulatedProcess): Promise<void> {
    const { course, weather } = this.#options;
    return new Promise((resolve, reject) => {
      const fails = !course.calm && (course.elapsedMs < this.#brokenUntil || course.dice.chance(weather.failBefore));
      const ms = course.calm ? 0 : course.dice.int(0, weather.latencyMs);
      process.leave(() =>
        course.after(ms, () =>
          process.reach(() => (fails ? reject(new StoreUnavailableError("simulated: the store is away")) : resolve())),
        ),
      );
    });
  }
}
