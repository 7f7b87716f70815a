import { describe, expect, it } from "vitest";
import { SettingsError } from "../../../src/model/settings-error.ts";
import { type ParseSettingsOptions, parseSettings } from "../../../src/settings/parse-settings.ts";

const noEnvironment = { environment: {} };

function errorOf(yaml: string, options: ParseSettingsOptions = noEnvironment): SettingsError {
  try {
    parseSettings(yaml, options);
  } catch (error) {
    if (error instanceof SettingsError) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("what is left out", () => {
  it.each(["", "{}", "# only a comment\n", "llm:\norchestration:\n", "orchestration:\n  max_iterations:\n  retry: ~\n"])(
    "gets its default: %j",
    (yaml) => {
      const { orchestration, llm } = parseSettings(yaml, noEnvironment);
      expect(orchestration).toMatchObject({ maxIterations: 10, completionMode: "untilQueueEmpty", retry: { count: 0, delayMs: 1_000 } });
      expect(llm).toMatchObject({ maxOutputTokens: 200, temperature: 0.7 });
      expect(llm.endpoint).toBeUndefined();
    },
  );
});

describe("a name of a fixed set", () => {
  it.each(["UNTIL_GOAL_ACHIEVED", "untilgoalachieved", "UntilGoalAchieved", "until_goal_achieved"])(
    "is read in any spelling: %s",
    (mode) => {
      const { orchestration } = parseSettings(`orchestration: { completion_mode: ${mode} }`, noEnvironment);
      expect(orchestration.completionMode).toBe("untilGoalAchieved");
    },
  );

  it("is refused if unknown, with path and position", () => {
    const mode = errorOf("orchestration:\n  completion_mode: until_lunch\n");
    expect(mode).toMatchObject({ code: "SETTINGS_INVALID", path: "orchestration.completion_mode", line: 2, column: 20 });
    expect(mode.message).toContain('"until_lunch"');
    const points = errorOf(
      "orchestration:\n  human_in_the_loop:\n    required_approval_points:\n      - task_failed\n      - before_lunch\n",
    );
    expect(points).toMatchObject({ path: "orchestration.human_in_the_loop.required_approval_points[1]", line: 5, column: 9 });
  });
});

describe("a wrong value is refused with its position", () => {
  it.each([
    ["orchestration:\n  max_iterations: many\n", "orchestration.max_iterations", 2],
    ["orchestration:\n  max_iterations: 0\n", "orchestration.max_iterations", 2],
    ["orchestration:\n  max_iterations: 2.5\n", "orchestration.max_iterations", 2],
    ["orchestration:\n  auto_continue: true\n", "orchestration.auto_continue", 2],
    ["orchestration:\n  auto_continue:\n    prompt_template: '  '\n", "orchestration.auto_continue.prompt_template", 3],
    ["orchestration: {oracle: {enabled: 'true'}}\n", "orchestration.oracle.enabled", 1],
    ["orchestration:\n  confidence: {min_threshold: 1.01}\n", "orchestration.confidence.min_threshold", 2],
    [
      "orchestration:\n  human_in_the_loop:\n    required_approval_points: task_failed\n",
      "orchestration.human_in_the_loop.required_approval_points",
      3,
    ],
    ["\nllm:\n  temperature: 2.1\n", "llm.temperature", 3],
    ["llm:\n  temperature: .nan\n", "llm.temperature", 2],
    ["llm: {presence_penalty: -2.5}\n", "llm.presence_penalty", 1],
    ["llm: {model: 4}\n", "llm.model", 1],
    ["- llm\n", "", 1],
    ["just text\n", "", 1],
  ])("%j", (yaml, path, line) => {
    expect(errorOf(yaml)).toMatchObject({ path, line });
  });

  it("and all wrong values are listed in the order of the text", () => {
    const { problems } = errorOf("orchestration:\n  max_iterations: 0\nllm:\n  temprature: 1\n  top_p: 2\n");
    expect(problems.map(({ path, line }) => [path, line])).toEqual([
      ["orchestration.max_iterations", 2],
      ["llm.temprature", 4],
      ["llm.top_p", 5],
    ]);
  });
});

describe("an unknown key", () => {
  it.each([
    ["orchestration:\n  max_iteration: 3\n", "orchestration.max_iteration", 2, "max_iterations"],
    ["orchestration:\n  maxIterations: 3\n", "orchestration.maxIterations", 2, "max_iterations"],
    ["orchestation: {}\n", "orchestation", 1, "orchestration"],
    ["debug: {}\nmax_iterations: 3\n", "max_iterations", 2, "orchestration.max_iterations"],
    ["llm:\n  model: m\n  apikey: x\n", "llm.apikey", 3, "api_key"],
    ["__proto__: {}\n", "__proto__", 1, "llm"],
  ])("of %j is refused with the nearest known key", (yaml, path, line, nearestKey) => {
    expect(errorOf(yaml)).toMatchObject({ path, line, nearestKey });
  });
});

describe("text that is no YAML", () => {
  it.each([
    ["llm:\n  model: [a\n", 2],
    ["llm:\n\tmodel: a\n", 2],
    ["llm: {}\nllm: {}\n", 2],
    ["llm:\n  model: *nowhere\n", 2],
    ["llm: {}\n---\nllm: {}\n", 2],
  ])("is refused with a position: %j", (yaml, line) => {
    const error = errorOf(yaml, { ...noEnvironment, file: "bad.yaml" });
    expect(error.line).toBeGreaterThanOrEqual(line);
    expect(error.message).toMatch(/^bad\.yaml: unreadable YAML: .*line/);
  });
});

describe("the environment", () => {
  it("fills what the text leaves out of llm, in the order of the variables, an empty one counting as absent", () => {
    const environment = {
      LLM_MODEL: "env-model",
      LLM_API_KEY: "",
      OPENAI_API_KEY: "openai-key",
      GPUSTACK_APIKEY: "gpu-key",
      GPUSTACK_ENDPOINT: "https://gpu.test",
    };
    const { llm } = parseSettings("llm:\n  model: from-yaml\n", { environment });
    expect(llm.model).toBe("from-yaml");
    expect(llm.apiKey?.reveal()).toBe("openai-key");
    expect(llm.endpoint).toBe("https://gpu.test");
  });

  it("overrides three settings, whatever the text says", () => {
    const environment = { LLM_MAX_ITERATIONS: "7", LLM_ORACLE_ENABLED: "False", LLM_CONFIDENCE_MIN_THRESHOLD: "0.9" };
    const { orchestration } = parseSettings("orchestration: {max_iterations: 3, oracle: {enabled: true}}", { environment });
    expect(orchestration).toMatchObject({ maxIterations: 7, oracle: { enabled: false }, confidence: { minThreshold: 0.9 } });
  });

  it.each([
    [{ LLM_MAX_ITERATIONS: "many" }, "orchestration.max_iterations"],
    [{ LLM_MAX_ITERATIONS: "0" }, "orchestration.max_iterations"],
    [{ LLM_ORACLE_ENABLED: "perhaps" }, "orchestration.oracle.enabled"],
    [{ LLM_CONFIDENCE_MIN_THRESHOLD: "7" }, "orchestration.confidence.min_threshold"],
  ])("is refused by the same checks, and the variable is named: %j", (environment, path) => {
    const error = errorOf("orchestration: {max_iterations: 3}", { environment });
    expect(error).toMatchObject({ path, line: undefined });
    expect(error.message).toContain(Object.keys(environment)[0]);
  });
});
