import { checkSettings } from "./check-settings.ts";
import type { Environment } from "./environment.ts";
import type { Settings, SettingsInput } from "./settings-schema.ts";

export interface ResolveSettingsOptions {
  /** Treated as by `parseSettings`; none by default: what is said in code is not overridden from outside. */
  environment?: Environment;
}

/** Fills in the defaults of settings given in code, with the checks of `parseSettings`. Throws `SettingsError` with the path. */
export function resolveSettings(input: SettingsInput = {}, { environment = {} }: ResolveSettingsOptions = {}): Settings {
  return checkSettings(input, { spelling: "code", environment });
}
