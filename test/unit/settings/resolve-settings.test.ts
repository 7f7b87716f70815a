import { describe, expect, it } from "vitest";
import { SettingsError } from "../../../src/model/settings-error.ts";
import { resolveLlm } from "../../../src/settings/resolve-llm.ts";
import { resolveSettings } from "../../../src/settings/resolve-settings.ts";
import { settingsTable } from "../../../src/settings/settings-table.ts";

const reference = (name: string) => `\${${name}}`;

describe("settings given in code", () => {
  it("are filled with defaults, and are their own resolution", () => {
    const settings = resolveSettings({ orchestration: { retry: { count: 2 } } });
    expect(settings.orchestration).toMatchObject({ maxIterations: 10, retry: { count: 2, delayMs: 1_000 } });
    expect(resolveSettings(settings)).toEqual(settings);
  });

  it("cannot be changed afterwards", () => {
    const settings = resolveSettings();
    expect(() => Object.assign(settings.orchestration.retry, { count: 9 })).toThrow(TypeError);
    expect(() => Object.assign(settings.orchestration.humanInTheLoop.requiredApprovalPoints, ["x"])).toThrow(TypeError);
    expect(resolveSettings().orchestration.retry.count).toBe(0);
  });

  it("are refused with the path as it is written in code", () => {
    const wrong = [
      [{ orchestration: { maxIterations: 0 } }, "orchestration.maxIterations"],
      [{ orchestration: { max_iterations: 3 } }, "orchestration.max_iterations"],
      [{ orchestration: { completionMode: "sometime" } }, "orchestration.completionMode"],
      [
        { orchestration: { humanInTheLoop: { requiredApprovalPoints: ["lunch"] } } },
        "orchestration.humanInTheLoop.requiredApprovalPoints[0]",
      ],
      [{ llm: { apiKey: 5 } }, "llm.apiKey"],
      ["high", ""],
      [[], ""],
    ] as const;
    for (const [input, path] of wrong) {
      expect(() => resolveSettings(input as object)).toThrow(SettingsError);
      expect(() => resolveSettings(input as object)).toThrow(expect.objectContaining({ path, line: undefined }));
    }
  });

  it("take undefined and null for left out", () => {
    expect(resolveSettings({ orchestration: { maxIterations: undefined }, llm: undefined }).orchestration.maxIterations).toBe(10);
    expect(resolveSettings({ llm: { model: null } } as object).llm.model).toBeUndefined();
  });
});

describe("references to the environment", () => {
  const settings = resolveSettings({ llm: { endpoint: reference("EP"), apiKey: reference("KEY"), model: reference("MOD") } });

  it("are replaced at use", () => {
    const llm = resolveLlm(settings, { EP: "https://ep.test/v1", KEY: "secret", MOD: "mini" });
    expect(llm).toMatchObject({ endpoint: "https://ep.test/v1", model: "mini", timeoutSeconds: 60 });
    expect(llm.apiKey?.reveal()).toBe("secret");
  });

  it("give an empty key, no endpoint and an empty model where the variable is missing", () => {
    const llm = resolveLlm(settings, {});
    expect(llm.apiKey?.reveal()).toBe("");
    expect(llm.endpoint).toBeUndefined();
    expect(llm.model).toBe("");
  });

  it("count only as a whole value", () => {
    const llm = resolveLlm(resolveSettings({ llm: { model: `a-${reference("MOD")}` } }), { MOD: "mini" });
    expect(llm.model).toBe(`a-${reference("MOD")}`);
  });

  it.each(["not a url", "llm.test/v1", "localhost:8080", "/v1", ""])("an endpoint that is no absolute URL gives none: %j", (endpoint) => {
    expect(resolveLlm(resolveSettings({ llm: { endpoint } }), {}).endpoint).toBeUndefined();
  });
});

describe("the table of settings", () => {
  it("has every setting once, with the default that the schema uses", () => {
    const defaults = resolveSettings() as Record<string, unknown>;
    const rows = settingsTable();
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    expect(rows).toHaveLength(38);
    expect(rows).toContainEqual({ key: "orchestration.retry.delay_ms", type: "int", default: 1_000, check: "≥ 0" });
    for (const { key, default: shown } of rows.filter(({ type }) => !type.includes("·"))) {
      const path = key.split(".").map((part) => part.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
      expect(
        path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], defaults),
        key,
      ).toEqual(shown);
    }
  });
});
