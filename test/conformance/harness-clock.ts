import { setImmediate as turn } from "node:timers/promises";
import { VirtualClock } from "./library.ts";

/** The time of a case: stands still unless the harness moves it on, and while a call of a real store is under way. */
export class HarnessClock extends VirtualClock {
  readonly #underWay = new Set<Promise<unknown>>();

  /** Time stands still until it is answered. */
  during<Value>(call: Promise<Value>): Promise<Value> {
    const done = () => void this.#underWay.delete(over);
    const over: Promise<void> = call.then(done, done);
    this.#underWay.add(over);
    return call;
  }

  override async advance(ms: number): Promise<void> {
    const until = this.now() + ms;
    await this.#quiet();
    for (let next = this.nextAt; next !== undefined && next <= until; next = this.nextAt) {
      await super.runNext();
      await this.#quiet();
    }
    await super.advance(Math.max(0, until - this.now()));
  }

  override async runNext(): Promise<boolean> {
    await this.#quiet();
    const ran = await super.runNext();
    await this.#quiet();
    return ran;
  }

  /**
   * Moves time from timer to timer until `promise` settles. Answers its value and how far time was moved.
   * Throws if nothing is left that could settle it.
   */
  async until<Value>(promise: Promise<Value>): Promise<{ value: Value; elapsedMs: number }> {
    const beganAt = this.now();
    let outcome: { value: Value } | { error: unknown } | undefined;
    promise.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    await this.settle();
    while (outcome === undefined) {
      if (!(await this.runNext())) throw new Error("nothing more happens, and the run has not ended");
    }
    if ("error" in outcome) throw outcome.error;
    return { value: outcome.value, elapsedMs: this.now() - beganAt };
  }

  /** Promise work is done and calls are answered; timers that are due have not run. */
  async #quiet(): Promise<void> {
    await turn();
    while (this.#underWay.size > 0) {
      await Promise.race(this.#underWay);
      await turn();
    }
  }
}
