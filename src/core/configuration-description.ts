import type { RunBudget } from "../model/run-budget.ts";
import { defaultMaxHistory } from "../model/run-history.ts";
import type { Settings } from "../settings/settings-schema.ts";

/** How a part was given. */
type PartDescription = "none" | "function" | "object" | "factory";

/** The configuration of an orchestrator as plain data: safe to log, the key of the model is never in it. */
export interface ConfigurationDescription {
  readonly settings: Omit<Settings, "llm"> & { readonly llm: Omit<Settings["llm"], "apiKey"> & { readonly apiKey: "set" | "not set" } };
  readonly parts: Readonly<Record<"executor" | "oracle" | "humanInTheLoop" | "fallback" | "finalIteration", PartDescription>>;
  readonly budget: RunBudget;
  readonly maxHistory: number;
}

interface Described {
  readonly executor?: unknown;
  readonly oracle?: unknown;
  readonly humanInTheLoop?: unknown;
  readonly fallback?: unknown;
  readonly finalIteration?: unknown;
  readonly budget?: RunBudget;
  readonly maxHistory?: number;
}

export function describeConfiguration(settings: Settings, options: Described): ConfigurationDescription {
  const { apiKey, ...llm } = settings.llm;
  return {
    settings: { ...settings, llm: { ...llm, apiKey: apiKey === undefined ? "not set" : "set" } },
    parts: {
      executor: describePart(options.executor),
      oracle: describePart(options.oracle),
      humanInTheLoop: describePart(options.humanInTheLoop),
      fallback: describePart(options.fallback),
      finalIteration: describePart(options.finalIteration),
    },
    budget: { ...options.budget },
    maxHistory: options.maxHistory ?? defaultMaxHistory,
  };
}

function describePart(part: unknown): PartDescription {
  if (part === undefined) return "none";
  if (typeof part === "function") return "function";
  return typeof (part as { create?: unknown }).create === "function" ? "factory" : "object";
}
