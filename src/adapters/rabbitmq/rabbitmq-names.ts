import { createHash } from "node:crypto";

/** The first delay queue keeps its messages for so long, each further one twice as long as the one before. */
const shortestMs = 32;
/** The last one keeps them for 25 days, which is near the longest that the broker knows. */
export const delaySteps = 27;
/** A delay is rounded up to so many binary digits: with fewer steps, and late by a five-hundredth at most. */
const delayDigits = 10;
const mostSteps = 2 ** delaySteps - 1;
/** A little less than all steps together. */
export const longestDelayMs = 49 * 86_400_000;

/** What the queues and exchanges of one prefix are called. */
export interface RabbitmqNames {
  /** Where messages of a coordinator wait for its workers. */
  work(name: string): string;
  /** Where messages of a coordinator are that were put aside. */
  aside(name: string): string;
  /** The queue and the exchange before it of a step of the delay. */
  delay(step: number): string;
  /** The exchange that delayed messages come to when their time is over. */
  readonly due: string;
  /** Of messages of a coordinator at `due`, whatever their delay was. */
  dueKey(name: string): string;
  /** Which steps a message takes, as the exchanges read it; from the step returned on. */
  delayed(name: string, delayMs: number): { readonly step: number; readonly routingKey: string };
  /** Of messages at the exchange before a step that do, or do not, take it. */
  stepKey(step: number, takes: boolean): string;
}

export function rabbitmqNames(prefix: string): RabbitmqNames {
  return {
    work: (name) => `${prefix}.work.${toWord(name)}`,
    aside: (name) => `${prefix}.aside.${toWord(name)}`,
    delay: (step) => `${prefix}.delay.${step}`,
    due: `${prefix}.due`,
    dueKey: (name) => `${"*.".repeat(delaySteps)}${toWord(name)}`,
    delayed(name, delayMs) {
      const digits = stepsOf(delayMs).toString(2).padStart(delaySteps, "0");
      return { step: delaySteps - 1 - digits.indexOf("1"), routingKey: `${[...digits].join(".")}.${toWord(name)}` };
    },
    stepKey: (step, takes) => `${"*.".repeat(delaySteps - 1 - step)}${takes ? 1 : 0}.#`,
  };
}

/** How long a message stays in the queue of a step. */
export function stepMs(step: number): number {
  return shortestMs * 2 ** step;
}

/** A delay in units of the shortest step, never less than it is; the longest where it is longer. */
function stepsOf(delayMs: number): number {
  const steps = Math.min(mostSteps, Math.max(1, Math.ceil(delayMs / shortestMs)));
  const unit = 2 ** Math.max(0, Math.floor(Math.log2(steps)) + 1 - delayDigits);
  return Math.min(mostSteps, Math.ceil(steps / unit) * unit);
}

/** How much of a name is written out: a routing key has at most 255 bytes. */
const longestWord = 120;

/** A name as a word of letters, digits, `-`, `_`, `%` and `~` alone. Two names never make the same. */
function toWord(name: string): string {
  const word = name.replace(/[^A-Za-z0-9_-]/g, (unit) => {
    const code = unit.charCodeAt(0);
    return code < 128 ? `%${code.toString(16).padStart(2, "0")}` : `%u${code.toString(16).padStart(4, "0")}`;
  });
  if (word.length <= longestWord) return word;
  return `${word.slice(0, longestWord - 65)}~${createHash("sha256").update(word).digest("hex")}`;
}
