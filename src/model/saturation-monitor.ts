import { InvalidOptionsError } from "./errors.ts";

/** How full the context is: below 60, 75, 85, 95 % of the capacity by default, and above. */
export type SaturationLevel = "normal" | "elevated" | "high" | "critical" | "overflow";
/** What a level asks for. */
export type SaturationAction = "none" | "considerSummarization" | "shouldPageOut" | "mustEvict" | "emergency";

/** Percentages at which a level begins, rising. */
export interface SaturationThresholds {
  readonly elevated: number;
  readonly high: number;
  readonly critical: number;
  readonly overflow: number;
}

/** How full the context is now. */
export interface SaturationState {
  readonly currentTokens: number;
  readonly maxTokens: number;
  /** 0 for a capacity of 0; above 100 when more was recorded than fits. */
  readonly percentage: number;
  readonly level: SaturationLevel;
  readonly action: SaturationAction;
  readonly usageBySource: Readonly<Record<string, number>>;
}

/** A level was left for another one. */
export interface SaturationChange {
  readonly previousLevel: SaturationLevel;
  readonly level: SaturationLevel;
  readonly state: SaturationState;
}

/** Capacity in tokens and where the levels begin. */
export interface SaturationMonitorOptions {
  /** 128 000. */
  maxTokens?: number;
  /** 60, 75, 85 and 95 percent. */
  thresholds?: Partial<SaturationThresholds>;
  /** Told when the level changes, and only then. */
  onChange?: (change: SaturationChange) => void;
}

/** Counts the tokens in a model's context window and says how full it is. */
export interface SaturationMonitor {
  readonly state: SaturationState;
  /** Adds tokens that came from `source` ("other" by default). */
  recordUsage(tokens: number, source?: string): SaturationState;
  /** Sets the total, whatever was recorded before; the shares of the sources are forgotten. */
  setUsage(tokens: number): SaturationState;
  reset(): SaturationState;
}

const defaultThresholds: SaturationThresholds = { elevated: 60, high: 75, critical: 85, overflow: 95 };

const actions: Readonly<Record<SaturationLevel, SaturationAction>> = {
  normal: "none",
  elevated: "considerSummarization",
  high: "shouldPageOut",
  critical: "mustEvict",
  overflow: "emergency",
};

/** Watches how full a context window is, starting empty. */
export function createSaturationMonitor(options: SaturationMonitorOptions = {}): SaturationMonitor {
  const { maxTokens = 128_000, onChange } = options;
  checkCount("maxTokens", maxTokens);
  const thresholds = { ...defaultThresholds, ...options.thresholds };
  checkThresholds(thresholds);
  let usageBySource: Readonly<Record<string, number>> = {};
  let state = toState(0);

  function toState(currentTokens: number): SaturationState {
    // Multiplied first: 57 of 100 is 57 percent, not 56.99999999999999.
    const percentage = maxTokens === 0 ? 0 : (currentTokens * 100) / maxTokens;
    const level = levelAt(percentage, thresholds);
    return { currentTokens, maxTokens, percentage, level, action: actions[level], usageBySource };
  }

  function moveTo(currentTokens: number): SaturationState {
    const previousLevel = state.level;
    state = toState(currentTokens);
    if (state.level !== previousLevel) onChange?.({ previousLevel, level: state.level, state });
    return state;
  }

  return {
    get state() {
      return state;
    },
    recordUsage(tokens, source = "other") {
      checkCount("tokens", tokens);
      usageBySource = { ...usageBySource, [source]: (Object.hasOwn(usageBySource, source) ? (usageBySource[source] ?? 0) : 0) + tokens };
      return moveTo(state.currentTokens + tokens);
    },
    setUsage(tokens) {
      checkCount("tokens", tokens);
      usageBySource = {};
      return moveTo(tokens);
    },
    reset() {
      usageBySource = {};
      return moveTo(0);
    },
  };
}

function levelAt(percentage: number, { elevated, high, critical, overflow }: SaturationThresholds): SaturationLevel {
  if (percentage < elevated) return "normal";
  if (percentage < high) return "elevated";
  if (percentage < critical) return "high";
  return percentage < overflow ? "critical" : "overflow";
}

function checkThresholds(thresholds: SaturationThresholds): void {
  const { elevated, high, critical, overflow } = thresholds;
  const rising = 0 <= elevated && elevated <= high && high <= critical && critical <= overflow;
  if (!rising) {
    throw new InvalidOptionsError({
      field: "thresholds",
      expected: "percentages that rise from elevated to overflow",
      received: thresholds,
    });
  }
}

function checkCount(field: string, value: number): void {
  if (!(Number.isFinite(value) && value >= 0))
    throw new InvalidOptionsError({ field, expected: "a number of tokens, 0 or more", received: value });
}
