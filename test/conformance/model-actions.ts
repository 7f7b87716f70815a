import { UnknownWordError } from "./conformance-case.ts";
import {
  createSaturationMonitor,
  defaultInsightSummary,
  defaultLearningSummary,
  emptyContextSummary,
  estimateTokens,
  extractJson,
  type FallbackStrategy,
  listFallback,
  mapReflection,
  parseVerdict,
  type SaturationMonitor,
  type SaturationThresholds,
  summariseContext,
  type Verdict,
  verdict,
} from "./library.ts";
import { difference, Forms, SeenText } from "./matcher.ts";
import { reflectionFields } from "./script.ts";
import { toPascalCase } from "./spelling.ts";
import { Words } from "./words.ts";

type Seen = Readonly<Record<string, unknown>>;

/** Actions that call one function of the library; each answers what was seen, by the words of `then`. */
export const modelActions: Readonly<Record<string, (given: Words, when: Words) => Seen | Promise<Seen>>> = {
  buildVerdict(given) {
    const [helper, ...values] = given.list("helper") ?? [];
    if (typeof helper !== "string" || !Object.hasOwn(verdict, helper)) throw new UnknownWordError(`helper ${String(helper)}`);
    const build = verdict[helper as keyof typeof verdict] as (...values: unknown[]) => Verdict;
    return { verdict: shownVerdict(build(...values)) };
  },

  parseVerdict: (given) => ({ verdicts: given.texts("texts")?.map((text) => shownVerdict(parseVerdict(text))) }),

  extractJson: (given) => ({ values: given.texts("texts")?.map((text) => extractJson(text) ?? null) }),

  estimateTokens: (given) => ({ tokens: given.texts("texts")?.map(estimateTokens) }),

  mapReflection: (given) => shownReflection(given, 1),

  mapReflectionEach(given) {
    const iteration = given.number("iteration") ?? 1;
    const inputs = given.block("each")?.entries() ?? [];
    const each = inputs.map(([name, input]) => {
      const words = new Words(input, `given.each.${name}`);
      // An input is either everything that `mapReflection` is given, or the reflection alone.
      const whole = words.has("reflection") ? words : new Words({ reflection: input }, `given.each.${name}`);
      const seen = shownReflection(whole, iteration);
      whole.done();
      return [name, seen];
    });
    return { each: Object.fromEntries(each) };
  },

  summarizeContext(given) {
    const iteration = 1;
    const summary = summariseContext({
      learnings: (given.texts("learnings") ?? []).map((text) => ({
        iteration,
        type: "pattern",
        summary: text,
        details: text,
        confidence: 0.8,
      })),
      errorNotes: (given.list("errors") ?? []).map((error) => toErrorNote(error, iteration)),
      humanComments: (given.texts("feedback") ?? []).map((text) => ({ iteration, text })),
      reflections: (given.texts("reflections") ?? []).map((text) => ({ iteration, type: "critique", summary: text, confidence: 0.8 })),
    });
    return {
      contains: new SeenText(summary),
      notContains: new SeenText(summary, false),
      isEmptySummary: summary === emptyContextSummary,
    };
  },

  saturationFor(given) {
    const usages = (given.list("usages") ?? []) as readonly number[];
    const monitor = toMonitor(given, () => {});
    const states = usages.map((tokens) => monitor.setUsage(tokens));
    return {
      levels: states.map(({ level }) => toPascalCase(level)),
      actions: states.map(({ action }) => toPascalCase(action)),
      percentages: states.map(({ percentage }) => percentage),
    };
  },

  recordUsage(given) {
    const changes: [string, string][] = [];
    const monitor = toMonitor(given, (from, to) => changes.push([toPascalCase(from), toPascalCase(to)]));
    for (const [tokens, source] of (given.list("records") ?? []) as readonly [number, string?][]) monitor.recordUsage(tokens, source);
    const seen = shownMonitor(monitor);
    const levelChanges = new Forms(
      changes.map(([from, to]) => ({ from, to, previous: from, current: to, level: to })),
      changes.map(([, to]) => to),
      [...changes],
      changes.length,
    );
    const reset = given.any("thenReset");
    if (reset === true) monitor.reset();
    else if (reset !== undefined && reset !== false) throw given.unknown("thenReset");
    return { ...seen, levelChanges, ...(reset === true && { afterReset: shownMonitor(monitor) }) };
  },

  async takeFallbacks(given, when) {
    const strategy = listFallback(given.texts("fallbackList") ?? []).create();
    const times = when.number("times") ?? 1;
    const previousOutputs = given.texts("previousOutputs") ?? [];
    const values: (string | null)[] = [];
    for (let taken = 0; taken < times; taken += 1) values.push((await takeFallback(strategy, previousOutputs)) ?? null);
    return { values };
  },
};

async function takeFallback(strategy: FallbackStrategy, previousOutputs: readonly string[]): Promise<string | undefined> {
  const context = { goal: "", previousOutputs, learnings: [], reflections: [], humanComments: [], errorNotes: [] };
  const situation = { request: { id: "1", prompt: "" }, iteration: 1, pass: 1, previousOutputs, context };
  if (!(await strategy.canProvide(situation))) return undefined;
  return (await strategy.get(situation))?.output;
}

function toErrorNote(error: unknown, iteration: number) {
  const [message, resolution] = Array.isArray(error) ? (error as [string, string?]) : [String(error)];
  return { iteration, message, ...(typeof resolution === "string" && { resolution }) };
}

function toMonitor(given: Words, onChange: (from: string, to: string) => void): SaturationMonitor {
  const maxTokens = given.number("maxTokens");
  const thresholds = toThresholds(given.block("thresholds"));
  return createSaturationMonitor({
    ...(maxTokens !== undefined && { maxTokens }),
    ...(thresholds !== undefined && { thresholds }),
    onChange: ({ previousLevel, level }) => onChange(previousLevel, level),
  });
}

function toThresholds(words: Words | undefined): Partial<SaturationThresholds> | undefined {
  if (words === undefined) return undefined;
  const levels = ["elevated", "high", "critical", "overflow"] as const;
  const thresholds = levels.flatMap((level) => (words.has(level) ? [[level, words.number(level)]] : []));
  words.done();
  return Object.fromEntries(thresholds);
}

function shownMonitor({ state }: SaturationMonitor): Seen {
  return { ...state, level: toPascalCase(state.level), action: toPascalCase(state.action) };
}

function shownReflection(given: Words, defaultIteration: number): Seen {
  const reflection = reflectionFields(given.block("reflection")) ?? {};
  const { learning, insight } = mapReflection(reflection, given.number("iteration") ?? defaultIteration);
  return {
    learning: {
      ...learning,
      iterationNumber: learning.iteration,
      type: toPascalCase(learning.type),
      detailsContain: new SeenText(learning.details),
    },
    insight: { suggestedAction: null, ...insight, iterationNumber: insight.iteration, type: toPascalCase(insight.type) },
    learningSummaryIsDefault: learning.summary === defaultLearningSummary,
    insightSummaryIsDefault: insight.summary === defaultInsightSummary,
  };
}

/** A verdict as cases write it, absent fields as null. */
export function shownVerdict(shown: Verdict): Seen {
  return {
    nextPromptSuggestion: null,
    tokenUsage: null,
    ...shown,
    reflection:
      shown.reflection === undefined
        ? null
        : { whatWorkedWell: null, whatCouldImprove: null, lessonsLearned: null, suggestedStrategy: null, ...shown.reflection },
    hasAnalysis: shown.analysis.trim() !== "",
  };
}

/** What differs between `then` and what was seen; a word that nothing shows is unknown. */
export function seenDifferences(then: Words, seen: Seen): readonly string[] {
  const differences = then.entries().map(([word, expected]) => {
    if (!Object.hasOwn(seen, word)) throw new UnknownWordError(`then.${word}`, Object.keys(seen));
    return difference(expected, seen[word], word);
  });
  return differences.filter((text) => text !== undefined);
}
