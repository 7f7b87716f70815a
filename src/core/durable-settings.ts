import { fromJsonText, type JsonText } from "../model/json-text.ts";
import { mergeSettings } from "../settings/merge-settings.ts";
import { resolveSettings } from "../settings/resolve-settings.ts";
import { Secret } from "../settings/secret.ts";
import type { Settings, SettingsInput } from "../settings/settings-schema.ts";
import { commonSettings, type SettingsHolder } from "./common-settings.ts";

/** What is stored of the settings of one start. A secret is not: only its reference to the environment, where it is one. */
export function toSettingsText(common: SettingsHolder, settings: SettingsInput | undefined): JsonText | undefined {
  if (settings === undefined) return undefined;
  resolveSettings(mergeSettings(commonSettings(common), settings));
  const hidden = (key: string, value: unknown) => (key === "apiKey" && typeof value === "string" ? new Secret(value).toJSON() : value);
  return JSON.stringify(settings, hidden) as JsonText;
}

/** Those of the start over those that this process has. */
export function settingsOf(common: SettingsHolder, stored: JsonText | undefined): Settings | undefined {
  const settings = mergeSettings(commonSettings(common), fromJsonText(stored) as SettingsInput | undefined);
  return settings && resolveSettings(settings);
}
