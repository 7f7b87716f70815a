import type { Dice } from "./dice.ts";
import type { LedgerEntry } from "./ledger.ts";

/** One thing that simulated work does. */
export type Stage =
  /** Takes its time, and has an effect. `heeds`: stops when it is asked to. */
  | { readonly do: "work"; readonly ms: number; readonly heeds: boolean }
  /** Does nothing for a while. */
  | { readonly do: "rest"; readonly ms: number }
  /** Goes on with the next note; a machine also after a while, if it says so. */
  | { readonly do: "wait"; readonly ms?: number }
  /** Throws so many times, however often it is begun. */
  | { readonly do: "fail"; readonly times: number; readonly fatal: boolean }
  /** Saves twice at once, without waiting for it; a machine does nothing. */
  | { readonly do: "save" }
  /** Ends as cancelled by itself; a machine does nothing. */
  | { readonly do: "giveUp" };

/** What one execution does: its input. */
export interface WorkPlan {
  readonly id: string;
  readonly stages: readonly Stage[];
}

/** What its history is, as it is saved and given as result. */
export interface WorkHistory {
  /** Finished stages. */
  readonly at: number;
  /** Numbers of the notes it has got. */
  readonly notes: readonly number[];
}

/** What `send` sends. Only notes are kept. */
export type WorkSignal = { readonly type: "note"; readonly n: number } | { readonly type: "noise" };

export function drawPlan(dice: Dice, id: string): WorkPlan {
  return { id, stages: Array.from({ length: dice.int(1, 4) }, () => drawStage(dice)) };
}

function drawStage(dice: Dice): Stage {
  const ms = dice.pick([1, 40, 200, 700, 1_500]);
  if (dice.chance(0.02)) return { do: "giveUp" };
  switch (dice.pick(["work", "work", "work", "rest", "wait", "wait", "fail", "save"] as const)) {
    case "work":
      return { do: "work", ms, heeds: dice.chance(0.8) };
    case "rest":
      return { do: "rest", ms };
    case "wait":
      return dice.chance(0.5) ? { do: "wait" } : { do: "wait", ms: dice.pick([100, 1_200, 4_000]) };
    case "fail":
      return { do: "fail", times: dice.int(1, 2), fatal: dice.chance(0.2) };
    case "save":
      return { do: "save" };
  }
}

/** Whether it goes on only with notes; timers end the other waits of a machine. */
export function needsNotes({ stages }: WorkPlan, kind: "function" | "machine"): boolean {
  return stages.some((stage) => stage.do === "wait" && (stage.ms === undefined || kind === "function"));
}

/** Why the history is not that of these signals; undefined when it is. */
export function faultOfNotes({ notes }: WorkHistory, signals: readonly string[]): string | undefined {
  const sent = numbersOf(signals);
  const isSame = notes.length === sent.length && notes.every((n, index) => n === sent[index]);
  return isSame ? undefined : `its history has the notes [${notes}], and should have [${sent}]`;
}

/** Why this is not what comes of all stages and the first of these signals. */
export function faultOfEnd({ start }: LedgerEntry, history: WorkHistory, signals: readonly string[]): string | undefined {
  const { stages } = JSON.parse(start.input) as WorkPlan;
  if (history.at !== stages.length) return `it has done ${history.at} stages of ${stages.length}`;
  const sent = numbersOf(signals);
  const isPrefix = history.notes.every((n, index) => n === sent[index]);
  return isPrefix ? undefined : `its result has the notes [${history.notes}], and should have the first of [${sent}]`;
}

/** Why it must not fail with this error now. */
export function faultOfFailure({ attempt, takeovers, start }: LedgerEntry, text: string): string | undefined {
  const error = JSON.parse(text) as { name: string; message: string };
  if (error.name === "NonRetryableError") return undefined;
  const isPlanned = error.message.startsWith("planned") || error.name === "ExecutionTimeoutError";
  if (!isPlanned) return `it failed with what nobody planned: ${text.slice(0, 600)}`;
  return attempt - takeovers >= start.maxAttempts ? undefined : `it failed in attempt ${attempt} of ${start.maxAttempts}`;
}

function numbersOf(signals: readonly string[]): number[] {
  return signals.map((body) => JSON.parse(body) as WorkSignal).flatMap((signal) => (signal.type === "note" ? [signal.n] : []));
}
