import type { RunShown } from "../core/autonomous-machine.ts";
import type { ExecutionInfo, ExecutionState } from "../model/execution.ts";
import type { RunOutcome } from "../model/run-outcome.ts";

/** A style of `util.styleText`. */
export type Style = "red" | "green" | "yellow" | "cyan" | "blue" | "dim" | "bold";

const styles: Readonly<Record<ExecutionState, Style>> = {
  "queued.ready": "dim",
  "queued.delayed": "dim",
  "running.working": "cyan",
  "running.waiting": "blue",
  "running.cancelling": "yellow",
  "running.timingOut": "yellow",
  completed: "green",
  failed: "red",
  cancelled: "yellow",
};

export function stateStyle(state: ExecutionState): Style | undefined {
  return styles[state];
}

/** The state in one word where there is one. */
export function stateText(state: ExecutionState): string {
  return state === "queued.ready" ? "queued" : state.replace(/^(queued|running)\./, "");
}

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
  { name: "s", ms: 1_000 },
] as const;

/** 820 ms, 4.1 s, 42 s, 3 min, 2.5 h, 3 d. */
export function durationText(durationMs: number): string {
  const unit = units.find(({ ms }) => Math.round(durationMs) >= ms);
  if (unit === undefined) return `${Math.max(0, Math.round(durationMs))} ms`;
  const value = durationMs / unit.ms;
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} ${unit.name}`;
}

/** What there is to say about an execution in a few words: why it failed, what it gave, how far it is. */
export function detailText(info: ExecutionInfo): string {
  const { status, error, reason, result, progress } = info;
  if (error !== undefined) return `${error.name}: ${error.message}`;
  if (status === "completed") return result === undefined ? "" : (runText(result) ?? valueText(result));
  if (reason !== undefined) return reason;
  return status === "cancelled" || progress === undefined ? "" : (runText(progress) ?? valueText(progress));
}

/** The results and the progress of autonomous runs are known, and long. */
function runText(value: unknown): string | undefined {
  const { finalState, iterations, finalOutput, state, iteration, pass } = (value ?? {}) as Partial<RunOutcome & RunShown>;
  if (typeof finalState === "string" && typeof iterations === "number") {
    return `${finalState} after ${iterations}${finalOutput === undefined ? "" : `: ${finalOutput}`}`;
  }
  return typeof iteration === "number" && typeof pass === "number" ? `${state}, iteration ${iteration}, pass ${pass}` : undefined;
}

/** A text as it is, anything else as JSON. */
export function valueText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** What others have written must not steer the terminal. Line breaks stay only where they are wanted. */
export function harmless(text: string, lineBreaks: "kept" | "shown" = "shown"): string {
  const kept = lineBreaks === "kept" ? /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu : /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
  return text.replace(kept, (character) => {
    if (character === "\n") return "⏎";
    if (character === "\t") return " ";
    return character === "\u200d" || character === "\u200c" ? character : "�";
  });
}
