import { type Environment, filled, processEnvironment } from "./environment.ts";
import { Secret } from "./secret.ts";
import type { LlmSettings, Settings } from "./settings-schema.ts";

/** Connection settings with every reference to the environment replaced. */
export type ResolvedLlm = LlmSettings;

/**
 * The `llm` settings ready for use: a value that is `${NAME}` as a whole is replaced by that variable.
 * A missing variable gives an empty key, no endpoint, an empty model; an endpoint that is not an absolute http(s) URL gives none.
 */
export function resolveLlm(settings: Pick<Settings, "llm">, environment: Environment = processEnvironment()): ResolvedLlm {
  const { endpoint: givenEndpoint, apiKey: givenKey, model: givenModel, ...others } = settings.llm;
  const endpoint = givenEndpoint === undefined ? undefined : resolve(givenEndpoint, environment);
  return {
    ...others,
    ...(endpoint !== undefined && isAbsoluteUrl(endpoint) && { endpoint }),
    ...(givenKey !== undefined && { apiKey: new Secret(resolve(givenKey.reveal(), environment)) }),
    ...(givenModel !== undefined && { model: resolve(givenModel, environment) }),
  };
}

function resolve(text: string, environment: Environment): string {
  const name = /^\s*\$\{([^{}]+)\}\s*$/.exec(text)?.[1];
  return name === undefined ? text : (filled(environment, name.trim()) ?? "");
}

function isAbsoluteUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
