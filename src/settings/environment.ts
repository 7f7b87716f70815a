/** Variables by name; an empty one counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Which variables stand for which setting, the first present one wins. */
interface EnvironmentRule {
  readonly path: readonly string[];
  readonly variables: readonly string[];
  /** Whether a variable wins over what is written, or only fills what is left out. */
  readonly wins: boolean;
  readonly read: (text: string) => unknown;
}

const environmentRules: readonly EnvironmentRule[] = [
  { path: ["llm", "endpoint"], variables: ["LLM_ENDPOINT", "OPENAI_BASE_URL", "GPUSTACK_ENDPOINT"], wins: false, read: asText },
  { path: ["llm", "apiKey"], variables: ["LLM_API_KEY", "OPENAI_API_KEY", "GPUSTACK_APIKEY"], wins: false, read: asText },
  { path: ["llm", "model"], variables: ["LLM_MODEL", "OPENAI_MODEL", "GPUSTACK_MODEL"], wins: false, read: asText },
  { path: ["orchestration", "maxIterations"], variables: ["LLM_MAX_ITERATIONS"], wins: true, read: asNumber },
  { path: ["orchestration", "oracle", "enabled"], variables: ["LLM_ORACLE_ENABLED"], wins: true, read: asBoolean },
  { path: ["orchestration", "confidence", "minThreshold"], variables: ["LLM_CONFIDENCE_MIN_THRESHOLD"], wins: true, read: asNumber },
];

/** The environment of the process, where there is one. */
export function processEnvironment(): Environment {
  const { process } = globalThis as { process?: { env?: Environment } };
  return process?.env ?? {};
}

/**
 * Puts into `settings` what the environment says, by `environmentRules`.
 * Answers which variable each changed path came from.
 */
export function applyEnvironment(settings: Record<string, unknown>, environment: Environment): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { path, variables, wins, read } of environmentRules) {
    const variable = variables.find((name) => filled(environment, name) !== undefined);
    const text = variable === undefined ? undefined : filled(environment, variable);
    if (variable === undefined || text === undefined) continue;
    const block = blockOf(settings, path);
    const name = path.at(-1) as string;
    if (block === undefined || (!wins && block[name] !== undefined)) continue;
    block[name] = read(text);
    sources.set(path.join("."), variable);
  }
  return sources;
}

/** The text of a variable, undefined if it is absent or empty. */
export function filled(environment: Environment, name: string): string | undefined {
  const text = Object.hasOwn(environment, name) ? environment[name] : undefined;
  return text === "" ? undefined : text;
}

/** The block that holds the last name of `path`, made where it is absent; undefined if something else stands in its place. */
function blockOf(settings: Record<string, unknown>, path: readonly string[]): Record<string, unknown> | undefined {
  let block = settings;
  for (const name of path.slice(0, -1)) {
    block[name] ??= {};
    const next = block[name];
    if (typeof next !== "object" || next === null || Array.isArray(next)) return undefined;
    block = next as Record<string, unknown>;
  }
  return block;
}

function asText(text: string): string {
  return text;
}

// What is no number or no truth value stays text, so that the schema refuses it like any other wrong type.
function asNumber(text: string): unknown {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : text;
}

function asBoolean(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  return ["false", "0", "no", "off"].includes(word) ? false : text;
}
