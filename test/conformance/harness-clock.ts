import { VirtualClock } from "./library.ts";

/** The time of a case: stands still unless the harness moves it on. */
export class HarnessClock extends VirtualClock {
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
}
