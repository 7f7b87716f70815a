import type { CloseReport, ExecutionInfo } from "../model/execution.ts";
import type { AttemptRun } from "./attempt-run.ts";

/** A close under way: what it was asked and what has become of the work. */
export class Closing {
  readonly mode: "drain" | "cancel" | "release";
  readonly #report = { drained: 0, cancelled: 0, released: 0, abandoned: 0 };
  readonly #unsettled: Set<AttemptRun>;
  readonly #done: (report: CloseReport) => void;

  /** `unsettled`: the runs that a release waits for. */
  constructor(mode: "drain" | "cancel" | "release", unsettled: Iterable<AttemptRun>, done: (report: CloseReport) => void) {
    this.mode = mode;
    this.#unsettled = new Set(unsettled);
    this.#done = done;
  }

  get unsettled(): number {
    return this.#unsettled.size;
  }

  settled(run: AttemptRun | undefined): void {
    if (run !== undefined) this.#unsettled.delete(run);
  }

  ended({ status, abandoned }: ExecutionInfo): void {
    if (abandoned) this.#report.abandoned += 1;
    else if (status === "cancelled") this.#report.cancelled += 1;
    else this.#report.drained += 1;
  }

  /** `live`: how many have no end. */
  finish(live: number): void {
    this.#done({ ...this.#report, released: live - this.#unsettled.size, abandoned: this.#report.abandoned + this.#unsettled.size });
  }
}
