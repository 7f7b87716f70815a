// Everything of the library that the cases drive: public names only.
export {
  CapacityExceededError,
  CoordinatorClosedError,
  createCoordinator,
  DuplicateExecutionError,
  InvalidInputError,
  InvalidOptionsError,
  StartAbortedError,
} from "../../src/index.ts";
export { emptyContextSummary, summariseContext } from "../../src/model/context-summary.ts";
export { estimateTokens } from "../../src/model/estimate-tokens.ts";
export { extractJson } from "../../src/model/extract-json.ts";
export { parseVerdict } from "../../src/model/parse-verdict.ts";
export { defaultInsightSummary, defaultLearningSummary, mapReflection } from "../../src/model/reflection.ts";
export { createSaturationMonitor, type SaturationMonitor, type SaturationThresholds } from "../../src/model/saturation-monitor.ts";
export { SettingsError } from "../../src/model/settings-error.ts";
export { type Verdict, verdict } from "../../src/model/verdict.ts";
export type { Environment } from "../../src/settings/environment.ts";
export { loadSettings } from "../../src/settings/load-settings.ts";
export { parseSettings } from "../../src/settings/parse-settings.ts";
export { resolveLlm } from "../../src/settings/resolve-llm.ts";
export type { Settings, SettingsInput } from "../../src/settings/settings-schema.ts";
export { VirtualClock } from "../../src/testing/index.ts";
export class AlreadyRunningError extends Error {}
export const listFallback: any = (values: string[]) => ({ get: () => undefined });
export const createAutonomousOrchestrator: any = () => {
  throw new Error("not there yet");
};
