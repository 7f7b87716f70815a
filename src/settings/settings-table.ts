import { descendants, settingsTree, spellPath } from "./settings-tree.ts";

/** One line of the table of settings. */
export interface SettingsTableRow {
  /** `orchestration.max_iterations`. */
  readonly key: string;
  readonly type: string;
  /** Undefined where there is none. */
  readonly default: unknown;
  readonly check: string;
}

/** Every setting with its YAML key, type, default and check, in the order of the schema; the README table is made from it. */
export function settingsTable(): readonly SettingsTableRow[] {
  return [...descendants(settingsTree)].flatMap(({ path, description }) =>
    description === undefined
      ? []
      : [{ key: spellPath(path, "yaml"), type: description.type, default: description.default, check: description.check }],
  );
}
