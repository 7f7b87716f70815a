import { UnknownWordError } from "./conformance-case.ts";
import { eventTypeName } from "./spelling.ts";
import type { Words } from "./words.ts";

export type Interruption = "cancel" | "pause" | "resume" | "startAgain";

interface Interrupt {
  readonly on: string;
  readonly nth: number;
  readonly do: Interruption;
}

/** What a case does to a run while it goes on: at the nth event of a type, or as the nth call of executor or oracle begins. */
export class Interrupts {
  readonly #interrupts: readonly Interrupt[];
  readonly #seen = new Map<string, number>();

  constructor(entries: readonly Words[] | undefined) {
    this.#interrupts = (entries ?? []).map(toInterrupt);
  }

  /** Notes that something happened and answers what is to be done now. */
  at(moment: string): readonly Interruption[] {
    const count = (this.#seen.get(moment) ?? 0) + 1;
    this.#seen.set(moment, count);
    return this.#interrupts.filter(({ on, nth }) => on === moment && nth === count).map((interrupt) => interrupt.do);
  }
}

const interruptions: readonly string[] = ["cancel", "pause", "resume", "startAgain"] satisfies Interruption[];

function toInterrupt(words: Words): Interrupt {
  const on = words.text("on") ?? "";
  const interruption = words.text("do") ?? "";
  if (!interruptions.includes(interruption)) throw words.unknown("do");
  const moment = on.startsWith("@") ? callName(on) : eventTypeName(on, "interrupts");
  const interrupt = { on: moment, nth: words.number("nth") ?? 1, do: interruption as Interruption };
  words.done();
  return interrupt;
}

function callName(on: string): string {
  if (on !== "@executor" && on !== "@oracle") throw new UnknownWordError(`interrupts on ${on}`);
  return on;
}
