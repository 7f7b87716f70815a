import { describe, expect, it } from "vitest";
import { extractJson } from "../../../src/model/extract-json.ts";
import { defaultAnalysis, parseVerdict } from "../../../src/model/parse-verdict.ts";

describe("JSON in a model's answer", () => {
  it.each([
    ['note {"raw":1}\n```json\n{"fenced":2}\n```\nend', { fenced: 2 }],
    ["```\nnot json\n```\n```json\n[1]\n```", [1]],
    ['```json\r\n{"windows":1}\r\n```', { windows: 1 }],
    ['answer {"name":"n"} ok', { name: "n" }],
    ['a set {x | x > 1}, then {"name":"}"}', { name: "}" }],
    ["list [1, 2] ok", [1, 2]],
    ['list [1, 2] and {"a": 1}', { a: 1 }],
    ['{"a": [1, 2,], "b": "x,}", }', { a: [1, 2], b: "x,}" }],
    ['{"escaped": "\\",}"}', { escaped: '",}' }],
    ["nothing here", undefined],
    ["", undefined],
    ["open { and never closed", undefined],
    ["```json\n42\n```", undefined],
  ])("of %j is found", (text, value) => {
    expect(extractJson(text)).toEqual(value);
  });

  it("is searched in bounded time, whatever the text", () => {
    const hostile = ["{".repeat(200_000), '{"'.repeat(100_000), ",]".repeat(100_000), "```\n".repeat(50_000), "[{".repeat(100_000)];
    for (const text of hostile) expect(extractJson(text)).toBeUndefined();
  });
});

describe("a verdict in a model's answer", () => {
  it("is read with keys in any letter case and trailing commas", () => {
    const text =
      '```json\n{"ISCOMPLETE": true, "CanContinue": false, "analysis": "fine", "next_prompt_suggestion": "more", "Confidence": 0.8,}\n```';
    expect(parseVerdict(text)).toEqual({
      isComplete: true,
      canContinue: false,
      analysis: "fine",
      nextPromptSuggestion: "more",
      confidence: 0.8,
    });
  });

  it.each([
    ["1.7", 1],
    ["-3", 0],
    ['"0.4"', 0.4],
    ['"high"', 0],
    ["null", 0],
    ["1e999", 1],
  ])("has a confidence from 0 to 1: %s", (written, confidence) => {
    expect(parseVerdict(`{"isComplete": false, "confidence": ${written}}`).confidence).toBe(confidence);
  });

  it("gets a default analysis where it has none, and no blank suggestion", () => {
    expect(parseVerdict('{"isComplete": true, "analysis": " ", "nextPromptSuggestion": ""}')).toEqual({
      isComplete: true,
      canContinue: false,
      analysis: defaultAnalysis,
      confidence: 0,
    });
  });

  it("brings its reflection", () => {
    const { reflection } = parseVerdict('{"isComplete": false, "Reflection": {"LessonsLearned": "test first", "whatWorkedWell": ""}}');
    expect(reflection).toEqual({ lessonsLearned: "test first" });
  });

  it.each(["", "I think it is fine", "{broken", "[1, 2]", '{"name": "n"}', "null"])(
    "that cannot be read is an error that may continue: %j",
    (text) => {
      const read = parseVerdict(text);
      expect(read).toMatchObject({ isComplete: false, canContinue: true, confidence: 0 });
      expect(read.analysis).not.toBe("");
    },
  );
});
