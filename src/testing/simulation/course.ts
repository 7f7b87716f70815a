import { VirtualClock } from "../virtual-clock.ts";
import { Dice } from "./dice.ts";

/** One line of a trace. */
interface Note {
  readonly at: number;
  readonly who: string;
  readonly text: string;
  /** Executions that it is about; none: it is about all. */
  readonly ids: readonly string[];
}

/** A promise that was broken in a run. */
export class BrokenPromise extends Error {
  /** The execution it was broken to. */
  readonly executionId: string | undefined;

  constructor(what: string, executionId: string | undefined) {
    super(what);
    this.executionId = executionId;
  }
}

/** More calls than this of all processes together mean that they do not come to rest. */
const maxCallsAtInstant = 2_000;

/** The time, the chance and the story of one simulated run. */
export class Course {
  readonly clock = new VirtualClock({ now: 1_000_000 });
  readonly dice: Dice;
  /** Faults are over: from now on everything has to come to its end. */
  calm = false;
  readonly #notes: Note[] | undefined;
  #broken: BrokenPromise | undefined;
  #instant = -1;
  #callsAtInstant = 0;

  constructor(seed: number, traced: boolean) {
    this.dice = new Dice(seed);
    this.#notes = traced ? [] : undefined;
  }

  /** The first promise that was broken. */
  get broken(): BrokenPromise | undefined {
    return this.#broken;
  }

  get isTraced(): boolean {
    return this.#notes !== undefined;
  }

  /** Milliseconds since the run began. */
  get elapsedMs(): number {
    return this.clock.monotonicNow();
  }

  note(who: string, text: () => string, ids: readonly string[] = []): void {
    this.#notes?.push({ at: this.elapsedMs, who, text: text(), ids });
  }

  /** Ends the run: time does not go on. Only the first failure counts. */
  fail(what: string, executionId?: string): void {
    if (this.#broken !== undefined) return;
    const broken = new BrokenPromise(executionId === undefined ? what : `${executionId}: ${what}`, executionId);
    this.#broken = broken;
    this.note("witness", () => `BROKEN ${broken.message}`);
    this.clock.setTimeout(() => {
      throw broken;
    }, 0);
  }

  /** A process has called the store: without end, if it goes on doing so while no time passes. */
  called(): void {
    if (this.elapsedMs !== this.#instant) this.#callsAtInstant = 0;
    this.#instant = this.elapsedMs;
    this.#callsAtInstant += 1;
    if (this.#callsAtInstant > maxCallsAtInstant) this.fail("the store is called again and again, and no time passes");
  }

  /** At once where there is nothing to wait for. */
  after(delayMs: number, run: () => void): void {
    if (delayMs <= 0) run();
    else this.clock.setTimeout(run, delayMs);
  }

  trace(): string[] {
    return (this.#notes ?? []).map(toLine);
  }

  /** The last lines that have to do with the execution. */
  shortTrace(executionId: string | undefined, lines: number): string[] {
    const about = (this.#notes ?? []).filter(({ ids }) => executionId === undefined || ids.length === 0 || ids.includes(executionId));
    return about.slice(-lines).map(toLine);
  }
}

function toLine({ at, who, text }: Note): string {
  return `${(at / 1_000).toFixed(3).padStart(8)} s  ${who.padEnd(7)}  ${text}`;
}
