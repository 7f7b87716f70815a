import { type Environment, loadSettings, parseSettings, resolveLlm, type Settings } from "./library.ts";
import { difference } from "./matcher.ts";
import { toPascalCase } from "./spelling.ts";
import { errorFields } from "./thrown-error.ts";
import type { Words } from "./words.ts";

type Loaded = { readonly settings: Settings } | { readonly error: unknown };

/** Action `loadSettings`: from `yaml`, from each document of `yamlEach`, or from `file` with `fromFile`. */
export async function loadSettingsCase(given: Words, when: Words, then: Words): Promise<readonly string[]> {
  const environment = (given.any("env") ?? {}) as Environment;
  const atLoad = when.flag("withEnvironment") === true ? environment : {};
  const load = (yaml: string): Promise<Loaded> => attempt(async () => parseSettings(yaml, { environment: atLoad }));

  const file = when.flag("fromFile") === true ? given.text("file") : undefined;
  const yaml = given.text("yaml") ?? "";
  const single = file === undefined ? await load(yaml) : await attempt(() => loadSettings(file, { environment: atLoad }));
  const documents = new Map<string, Loaded>();
  for (const [name, text] of given.block("yamlEach")?.entries() ?? []) documents.set(name, await load(String(text)));

  const differences: (string | undefined)[] = [];
  const compare = (where: string, expected: unknown, seen: unknown) => differences.push(difference(expected, seen, where));
  if (then.has("settings")) compare("settings", then.any("settings"), shownSettings(single));
  if (then.has("resolved")) compare("resolved", then.any("resolved"), shownLlm(single, environment));
  if (then.has("error")) compare("error", then.any("error"), shownError(single));
  else if (documents.size === 0 && "error" in single) throw single.error;
  for (const [name, expected] of then.block("each")?.entries() ?? []) compare(`each.${name}`, expected, shownSettings(documents.get(name)));
  for (const [name, expected] of then.block("eachResolved")?.entries() ?? []) {
    compare(`eachResolved.${name}`, expected, shownLlm(documents.get(name), environment));
  }
  for (const [name, expected] of then.block("eachError")?.entries() ?? []) {
    const error = shownError(documents.get(name));
    compare(`eachError.${name}`, expected, typeof expected === "string" ? (error as { path?: unknown } | undefined)?.path : error);
  }
  return differences.filter((text) => text !== undefined);
}

async function attempt(load: () => Promise<Settings>): Promise<Loaded> {
  try {
    return { settings: await load() };
  } catch (error) {
    return { error };
  }
}

function shownError(loaded: Loaded | undefined): unknown {
  return loaded !== undefined && "error" in loaded ? errorFields(loaded.error) : "no error";
}

function shownLlm(loaded: Loaded | undefined, environment: Environment): unknown {
  if (loaded === undefined || "error" in loaded) return shownError(loaded);
  return withPlainKey(resolveLlm(loaded.settings, environment));
}

/** Settings as cases write them: modes and points in PascalCase, the key in the open. */
function shownSettings(loaded: Loaded | undefined): unknown {
  if (loaded === undefined || "error" in loaded) return shownError(loaded);
  const { llm, orchestration, debug } = loaded.settings;
  const { humanInTheLoop } = orchestration;
  return {
    llm: withPlainKey(llm),
    orchestration: {
      ...orchestration,
      completionMode: toPascalCase(orchestration.completionMode),
      humanInTheLoop: { ...humanInTheLoop, requiredApprovalPoints: humanInTheLoop.requiredApprovalPoints.map(toPascalCase) },
    },
    debug,
  };
}

const optionalLlmFields = { endpoint: null, apiKey: null, model: null, topP: null, frequencyPenalty: null, presencePenalty: null };

function withPlainKey(llm: Settings["llm"]): unknown {
  return { ...optionalLlmFields, ...llm, apiKey: llm.apiKey?.reveal() };
}
