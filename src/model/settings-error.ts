import { ActorfleetError } from "./errors.ts";

/** One thing that is wrong in settings. */
export interface SettingsProblem {
  /** Spelled as in its source: `orchestration.max_iterations` in YAML, `orchestration.maxIterations` in an object; empty for the whole. */
  readonly path: string;
  /** What is wrong and what would be right; never shows a secret. */
  readonly message: string;
  /** Counted from 1; absent for objects and the environment. */
  readonly line?: number;
  /** Counted from 1. */
  readonly column?: number;
  /** For an unknown key: the known key of the same block that looks most like it. */
  readonly nearestKey?: string;
}

/** What is wrong: the content, or the file. */
export type SettingsErrorCode = "SETTINGS_INVALID" | "SETTINGS_FILE_NOT_FOUND" | "SETTINGS_FILE_UNREADABLE";

/** Where settings came from, and why they could not be read. */
export interface SettingsErrorOptions {
  code?: SettingsErrorCode;
  /** The file the settings were read from. */
  file?: string;
  cause?: unknown;
}

/**
 * Settings cannot be used. `path`, `line`, `column` and `nearestKey` are those of the first problem, `problems` has all of them.
 * A secret is in none of its fields.
 */
export class SettingsError extends ActorfleetError {
  readonly code: SettingsErrorCode;
  readonly problems: readonly SettingsProblem[];
  readonly path: string;
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly nearestKey: string | undefined;
  readonly file: string | undefined;

  constructor(
    problems: readonly [SettingsProblem, ...SettingsProblem[]],
    { code = "SETTINGS_INVALID", file, cause }: SettingsErrorOptions = {},
  ) {
    const where = file === undefined ? "" : `${file}: `;
    super(`${where}${problems.map(describeProblem).join("; ")}`, cause === undefined ? undefined : { cause });
    const [first] = problems;
    this.code = code;
    this.problems = problems;
    this.path = first.path;
    this.line = first.line;
    this.column = first.column;
    this.nearestKey = first.nearestKey;
    this.file = file;
  }
}

function describeProblem({ path, message, line, column }: SettingsProblem): string {
  const position = line === undefined ? "" : ` (line ${line}, column ${column ?? 1})`;
  return path === "" ? `${message}${position}` : `${path}: ${message}${position}`;
}
