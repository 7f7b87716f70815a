import { toSettings } from "./flat-config.ts";
import { parseSettings, type SettingsInput } from "./library.ts";
import { executorScript, oracleScript } from "./script.ts";
import type { StartScripts } from "./started-executions.ts";
import { errorFields, errorKind } from "./thrown-error.ts";
import type { Words } from "./words.ts";

/** Read at the start, because a start with settings that cannot be read is refused like any other. */
export function startSettings(step: Words): () => { settings?: SettingsInput } {
  const yaml = step.text("settingsYaml");
  if (yaml !== undefined) return () => ({ settings: parseSettings(yaml, { environment: {} }) });
  const flat = step.any("settings");
  const settings = flat === undefined ? {} : { settings: toSettings(flat as Readonly<Record<string, unknown>>) };
  return () => settings;
}

export function startScripts(step: Words): StartScripts {
  return {
    ...(step.has("executor") && { executor: executorScript(step.blocks("executor")) }),
    ...(step.has("oracle") && { oracle: oracleScript(step.blocks("oracle")) }),
  };
}

/** What a start shows: nothing, or why it was refused where the case expects that. */
export async function shownStart(step: Words, start: () => Promise<void>): Promise<unknown> {
  const expectError = step.flag("expectError") ?? false;
  try {
    await start();
  } catch (error) {
    if (!expectError) throw error;
    return { ...errorFields(error), error: errorKind(error), errorMessage: (error as Error).message };
  }
  return { error: null, maxConcurrent: null };
}
