import { mergeSettings } from "../settings/merge-settings.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/** What has settings of its own for every start. */
export type SettingsHolder = Pick<CoordinatorOptions<AnyOrchestrator>, "orchestrator" | "settings">;

/** Settings of starts that say nothing else: those of the coordinator over those of its orchestrator. */
export function commonSettings({ orchestrator, settings }: SettingsHolder): SettingsInput | undefined {
  return mergeSettings(orchestrator instanceof AutonomousOrchestrator ? orchestrator.settings : undefined, settings);
}
