import { SettingsError } from "../model/settings-error.ts";
import { type ParseSettingsOptions, parseSettings } from "./parse-settings.ts";
import type { Settings } from "./settings-schema.ts";

/** How a file is read. */
export type LoadSettingsOptions = Omit<ParseSettingsOptions, "file">;

/** Reads settings from a YAML file. Errors are those of `parseSettings`, and `SETTINGS_FILE_NOT_FOUND` for a missing file. */
export async function loadSettings(file: string, options: LoadSettingsOptions = {}): Promise<Settings> {
  return parseSettings(await readText(file), { ...options, file });
}

async function readText(file: string): Promise<string> {
  // biome-ignore lint/style/noRestrictedImports: loaded when needed, so that the core also runs where there are no files
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === "ENOENT";
    const problem = { path: "", message: missing ? "there is no such settings file" : "the settings file cannot be read" };
    throw new SettingsError([problem], { code: missing ? "SETTINGS_FILE_NOT_FOUND" : "SETTINGS_FILE_UNREADABLE", file, cause });
  }
}
