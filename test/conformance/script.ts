import { UnknownWordError } from "./conformance-case.ts";
import type { HarnessClock } from "./harness-clock.ts";
import type { Words } from "./words.ts";

/** Answers call after call; the last entry repeats. */
export class Script<Entry> {
  readonly #entries: readonly Entry[];
  calls = 0;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  next(): Entry {
    const entry = this.#entries[Math.min(this.calls, this.#entries.length - 1)];
    this.calls += 1;
    if (entry === undefined) throw new UnknownWordError("a call that the case has no script for");
    return entry;
  }
}

/** What an executor or a fallback does in one call. */
export interface ExecutorEntry {
  readonly output: string;
  readonly success: boolean;
  readonly errorOutput?: string;
  readonly error?: string;
  readonly untilCancelled: boolean;
  readonly chunks: readonly string[];
  readonly delayMs: number;
}

export function executorScript(entries: readonly Words[] | undefined): Script<ExecutorEntry> {
  return new Script((entries ?? []).map(toExecutorEntry));
}

function toExecutorEntry(words: Words): ExecutorEntry {
  const error = words.text("error");
  const errorOutput = words.text("errorOutput");
  const entry: ExecutorEntry = {
    output: words.text("output") ?? "",
    success: words.flag("success") ?? true,
    untilCancelled: words.flag("untilCancelled") ?? false,
    chunks: words.texts("chunks") ?? [],
    delayMs: words.number("delayMs") ?? 0,
    ...(error !== undefined && { error }),
    ...(errorOutput !== undefined && { errorOutput }),
  };
  words.done();
  return entry;
}

/** What an oracle does in one call. */
export interface OracleEntry {
  readonly verdict: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly untilCancelled: boolean;
  readonly delayMs: number;
}

export function oracleScript(entries: readonly Words[] | undefined): Script<OracleEntry> {
  return new Script((entries ?? []).map(toOracleEntry));
}

function toOracleEntry(words: Words): OracleEntry {
  const error = words.text("error");
  const entry: OracleEntry = {
    verdict: toVerdictFields(words.block("verdict")),
    untilCancelled: words.flag("untilCancelled") ?? false,
    delayMs: words.number("delayMs") ?? 0,
    ...(error !== undefined && { error }),
  };
  words.done();
  return entry;
}

/** null in a case means that the field is absent. */
function toVerdictFields(words: Words | undefined): Readonly<Record<string, unknown>> {
  if (words === undefined) return {};
  const given = {
    isComplete: words.any("isComplete"),
    canContinue: words.any("canContinue"),
    analysis: words.any("analysis"),
    confidence: words.any("confidence"),
    nextPromptSuggestion: words.any("nextPromptSuggestion"),
    tokenUsage: words.any("tokenUsage"),
    reflection: toReflection(words),
  };
  words.done();
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
}

const reflectionWords = new Set(["whatWorkedWell", "whatCouldImprove", "lessonsLearned", "suggestedStrategy"]);

function toReflection(words: Words): unknown {
  return words.any("reflection") === null ? undefined : reflectionFields(words.block("reflection"));
}

export function reflectionFields(words: Words | undefined): Record<string, string> | undefined {
  if (words === undefined) return undefined;
  for (const [word] of words.entries()) {
    if (!reflectionWords.has(word)) throw new UnknownWordError(`reflection.${word}`, reflectionWords);
  }
  return Object.fromEntries(words.entries().filter(([, text]) => text !== null)) as Record<string, string>;
}

/** Rejects with the signal's reason once it is aborted, and never settles otherwise. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Lets time pass, unless the signal is aborted before. */
export async function delay(clock: HarnessClock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await Promise.race([new Promise<void>((resolve) => void clock.setTimeout(resolve, ms)), untilAborted(signal)]);
}
