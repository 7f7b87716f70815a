import type { Course } from "./course.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

interface Work {
  readonly id: string;
  readonly fence: number;
  readonly process: SimulatedProcess;
  readonly group: string | undefined;
  readonly signal: AbortSignal;
  readonly begunAt: number;
  stoppedAt: number | undefined;
}

/** What a work witness must know of its run. */
export interface WorkWitnessOptions {
  readonly maxConcurrent: number;
  readonly groupLimit: number | undefined;
  /** How long work that was asked to stop keeps its slot, if it does not stop. */
  readonly graceMs: number;
  /** The store's clock is never set: a lease lasts as long as it says. */
  readonly trustsStoreClock: boolean;
  entry(id: string): LedgerEntry | undefined;
  /** Under which fence the process may act. */
  fenceOf(process: SimulatedProcess, id: string): number;
  /** Until when nobody else can hold it, as far as the process knows. */
  validUntil(process: SimulatedProcess, id: string, fence: number): number;
}

/** Knows which work is under way where, and takes its effects as a fenced resource would. */
export class WorkWitness {
  readonly #course: Course;
  readonly #options: WorkWitnessOptions;
  readonly #works = new Set<Work>();
  /** The highest fence that an effect came with. */
  readonly #fences = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  /** When they first began. */
  readonly #stages = new Map<string, number>();
  effects = 0;
  /** Effects that came too late. */
  refusals = 0;

  constructor(course: Course, options: WorkWitnessOptions) {
    this.#course = course;
    this.#options = options;
  }

  /** Work begins in a process; call what it returns when it is over. */
  begin(process: SimulatedProcess, id: string, signal: AbortSignal): { end(): void; effect(what: string): void } {
    const fence = this.#options.fenceOf(process, id);
    const group = this.#options.entry(id)?.start.group;
    const begunAt = this.#course.elapsedMs;
    const work: Work = { id, fence, process, group, signal, begunAt, stoppedAt: signal.aborted ? begunAt : undefined };
    signal.addEventListener("abort", () => {
      work.stoppedAt ??= this.#course.elapsedMs;
    });
    this.#works.add(work);
    this.#course.note(process.name, () => `${id}/${fence} works`, [id]);
    if (fence === 0) this.#course.fail(`${process.name} runs it without ever having claimed it`, id);
    this.check();
    return {
      end: () => {
        if (this.#works.delete(work) && !process.isDead) this.#course.note(process.name, () => `${id}/${fence} has done`, [id]);
      },
      effect: (what) => this.#effect(work, what),
    };
  }

  /** Whether a thing that fails so many times fails this time. */
  fails(what: string, times: number): boolean {
    const failed = this.#failures.get(what) ?? 0;
    if (failed < times) this.#failures.set(what, failed + 1);
    return failed < times;
  }

  /** A stage that takes a while begins, maybe not for the first time. */
  stageBegins(process: SimulatedProcess, id: string, stage: number): void {
    const name = `${id}.${stage}`;
    if (!process.isDead && !this.#stages.has(name)) this.#stages.set(name, this.#course.elapsedMs);
  }

  /** Its time is over, and must not be over too early. Wall clocks that were set may make it so. */
  stageIsOver(process: SimulatedProcess, id: string, stage: number, ms: number): void {
    const begunAt = this.#stages.get(`${id}.${stage}`);
    if (process.isDead || begunAt === undefined || !this.#options.trustsStoreClock) return;
    const tookMs = this.#course.elapsedMs - begunAt;
    if (tookMs < ms) this.#course.fail(`stage ${stage} should have taken ${ms} ms, and took ${tookMs} ms`, id);
  }

  /** To be called after every change of the store. */
  check(): void {
    const alive = [...this.#works].filter((work) => !this.#forget(work));
    const ofProcess = new Map<SimulatedProcess, number>();
    const acting = alive.filter(({ stoppedAt, process }) => stoppedAt === undefined && process.isAwake);
    for (const { process, stoppedAt } of alive) {
      // One that was asked to stop has its slot until it does, or until its grace period is over.
      if (stoppedAt === undefined || this.#course.elapsedMs - stoppedAt < this.#options.graceMs)
        ofProcess.set(process, (ofProcess.get(process) ?? 0) + 1);
    }
    for (const [process, count] of ofProcess)
      if (count > this.#options.maxConcurrent)
        this.#course.fail(`${process.name} runs ${count}, and may run ${this.#options.maxConcurrent}`);
    this.#checkTimeouts(acting);
    for (const { id, fence, process } of acting)
      if (this.#course.elapsedMs > this.#options.validUntil(process, id, fence))
        this.#course.fail(`${process.name} works on it under fence ${fence}, and that lease may be over`, id);
    if (!this.#options.trustsStoreClock) return;
    this.#checkHolders(acting);
    this.#checkGroups(acting);
  }

  #checkHolders(acting: readonly Work[]): void {
    for (const work of acting) {
      const { id, fence, process } = work;
      const entry = this.#options.entry(id);
      if (entry !== undefined && entry.fence > fence)
        this.#course.fail(`${process.name} works on it under fence ${fence}, and fence ${entry.fence} has been given out`, id);
      const other = acting.find((one) => one.id === id && one !== work);
      if (other !== undefined) this.#course.fail(`${process.name} and ${other.process.name} work on it at the same time`, id);
    }
  }

  /** What runs longer than it may was asked to stop. Clocks may run a little slow. */
  #checkTimeouts(acting: readonly Work[]): void {
    for (const { id, process, begunAt } of acting) {
      const { timeoutMs } = this.#options.entry(id)?.start ?? {};
      if (timeoutMs !== undefined && this.#course.elapsedMs - begunAt > timeoutMs * 1.05 + 1)
        this.#course.fail(`${process.name} works on it longer than ${timeoutMs} ms`, id);
    }
  }

  #checkGroups(acting: readonly Work[]): void {
    const { groupLimit } = this.#options;
    if (groupLimit === undefined) return;
    for (const { group, id } of acting) {
      const count = group === undefined ? 0 : acting.filter((one) => one.group === group).length;
      if (count > groupLimit) this.#course.fail(`${count} of group ${group} run, and ${groupLimit} may`, id);
    }
  }

  #effect({ id, fence, process, signal }: Work, what: string): void {
    if (process.isDead) return;
    process.leave(() => {
      const highest = this.#fences.get(id) ?? 0;
      const accepted = fence >= highest;
      this.#course.note("sink", () => `${what} of ${id}/${fence} from ${process.name} is ${accepted ? "accepted" : "refused"}`, [id]);
      if (accepted) this.#fences.set(id, fence);
      if (accepted) this.effects += 1;
      else this.refusals += 1;
      if (!accepted && this.#options.trustsStoreClock && process.isAwake && !signal.aborted)
        this.#course.fail(`${process.name} acts under fence ${fence}, and fence ${highest} has acted`, id);
    });
    this.check();
  }

  /** Whether its process is gone, and it with it. */
  #forget(work: Work): boolean {
    if (work.process.isDead) this.#works.delete(work);
    return work.process.isDead;
  }
}
