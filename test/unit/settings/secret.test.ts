import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { toSerializedError } from "../../../src/model/serialized-error.ts";
import { SettingsError } from "../../../src/model/settings-error.ts";
import { parseSettings } from "../../../src/settings/parse-settings.ts";
import { resolveLlm } from "../../../src/settings/resolve-llm.ts";
import { resolveSettings } from "../../../src/settings/resolve-settings.ts";

const key = "sk-very-secret-0123";

function everythingShown(value: unknown): string {
  const shown = [
    inspect(value, { depth: 9, showHidden: true }),
    inspect(value, { customInspect: false, depth: 9 }),
    JSON.stringify(value),
    String(value),
  ];
  return [...shown, JSON.stringify(structuredClone(value))].join("\n");
}

describe("the key of the model's service", () => {
  it("is revealed only on request", () => {
    const fromYaml = parseSettings(`llm: {api_key: ${key}}`, { environment: {} });
    const fromEnvironment = parseSettings("", { environment: { LLM_API_KEY: key } });
    const fromCode = resolveSettings({ llm: { apiKey: key } });
    const resolved = resolveLlm(resolveSettings({ llm: { apiKey: "$" + "{KEY}" } }), { KEY: key });
    for (const settings of [fromYaml, fromEnvironment, fromCode, { llm: resolved }]) {
      expect(settings.llm.apiKey?.reveal()).toBe(key);
      expect(everythingShown(settings)).not.toContain(key);
      expect(`${settings.llm.apiKey}`).toBe("[secret]");
    }
  });

  it("is not quoted by errors about the text around it", () => {
    const texts = [
      `llm: ${key}`,
      `llm: {api_key: [${key}]}`,
      `llm: {api_key: {${key}: 1}}`,
      `llm: {api_key: *${key}}`,
      `llm:\n  api_key: "${key}\n`,
      `llm:\n  api_key: ${key}: x\n`,
      `llm:\n  api_key: ${key}\n  api_key: ${key}\n`,
      `llm:\n  api_key: ${key}\n temperature: 9\n`,
      `llm:\n  api_key: ${key}\n  temperature: 9\n`,
      `llm:\n  api_key: ${key}\n\ttemperature: 9\n`,
      `llm:\n  api_key: %${key}\n`,
      `llm:\n  api_key: @${key}\n`,
      `llm:\n  api_key: !<${key}> x\n`,
    ];
    for (const text of texts) {
      let error: unknown;
      try {
        parseSettings(text, { environment: {} });
      } catch (thrown) {
        error = thrown;
      }
      if (error === undefined) continue;
      expect(error).toBeInstanceOf(SettingsError);
      expect(everythingShown(error), text).not.toContain(key);
      expect(JSON.stringify(toSerializedError(error)), text).not.toContain(key);
    }
  });

  it("survives being stored as a reference, and is absent after being stored as a value", () => {
    const reference = resolveSettings({ llm: { apiKey: "$" + "{KEY}" } });
    const stored = resolveSettings(JSON.parse(JSON.stringify(reference)));
    expect(resolveLlm(stored, { KEY: key }).apiKey?.reveal()).toBe(key);
    const lost = resolveSettings(JSON.parse(JSON.stringify(resolveSettings({ llm: { apiKey: key } }))));
    expect(lost.llm.apiKey).toBeUndefined();
  });
});
