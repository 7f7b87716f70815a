import { describe, expect, it } from "vitest";
import { emptyContextSummary, summariseContext } from "../../../src/model/context-summary.ts";
import { estimateTokens } from "../../../src/model/estimate-tokens.ts";
import { defaultInsightSummary, defaultLearningSummary, mapReflection } from "../../../src/model/reflection.ts";
import { keepNewest } from "../../../src/model/run-context.ts";
import { totalTokensOf } from "../../../src/model/token-usage.ts";

describe("a reflection", () => {
  it("becomes a learning and an insight", () => {
    const { learning, insight } = mapReflection(
      { whatWorkedWell: "small steps", whatCouldImprove: "naming", lessonsLearned: "test first", suggestedStrategy: "split it" },
      3,
    );
    expect(learning).toMatchObject({ iteration: 3, type: "pattern", summary: "test first", confidence: 0.8 });
    expect(learning.details).toMatch(/small steps[\s\S]*naming[\s\S]*test first[\s\S]*split it/);
    expect(insight).toEqual({ iteration: 3, type: "critique", summary: "naming", suggestedAction: "split it", confidence: 0.8 });
  });

  it("is summed up by the next best part where one is absent or blank", () => {
    const summaries = (reflection: Parameters<typeof mapReflection>[0]) => {
      const { learning, insight } = mapReflection(reflection, 1);
      return [learning.summary, insight.summary, insight.suggestedAction];
    };
    expect(summaries({ whatWorkedWell: "steps" })).toEqual(["steps", defaultInsightSummary, undefined]);
    expect(summaries({ lessonsLearned: "test" })).toEqual(["test", "test", undefined]);
    expect(summaries({ lessonsLearned: " ", suggestedStrategy: "go" })).toEqual([defaultLearningSummary, defaultInsightSummary, "go"]);
  });
});

describe("the summary of a context", () => {
  const learning = (summary: string) => ({ iteration: 1, type: "pattern" as const, summary, details: "", confidence: 0.8 });
  const insight = (summary: string) => ({ iteration: 1, type: "critique" as const, summary, confidence: 0.8 });

  it("shows the newest of each kind, with the total", () => {
    const text = summariseContext({
      learnings: ["L1", "L2", "L3", "L4", "L5"].map(learning),
      errorNotes: [1, 2, 3].map((number) => ({ iteration: number, message: `E${number}`, resolution: `F${number}` })),
      humanComments: ["H1", "H2", "H3"].map((comment) => ({ iteration: 1, text: comment })),
      reflections: ["R1", "R2", "R3"].map(insight),
    });
    expect(text).toBe(
      [
        "Learnings (5):\n- L3\n- L4\n- L5",
        "Errors (3):\n- E2 → F2\n- E3 → F3",
        "Human comments (3):\n- H2\n- H3",
        "Reflections (3):\n- R2\n- R3",
      ].join("\n\n"),
    );
  });

  it("leaves out what there is none of, and is a fixed text when there is nothing", () => {
    const nothing = { learnings: [], errorNotes: [], humanComments: [], reflections: [] };
    expect(summariseContext(nothing)).toBe(emptyContextSummary);
    expect(summariseContext({ ...nothing, errorNotes: [{ iteration: 1, message: "E" }] })).toBe("Errors (1):\n- E");
  });
});

it("the newest items are kept, 0 keeps none", () => {
  expect(keepNewest([1, 2, 3], 2)).toEqual([2, 3]);
  expect(keepNewest([1], 2)).toEqual([1]);
  expect(keepNewest([1, 2, 3], 0)).toEqual([]);
});

it("a token is estimated as a quarter of the characters, rounded up", () => {
  expect(["", "a", "abcd", "abcde", "x".repeat(100)].map(estimateTokens)).toEqual([0, 1, 1, 2, 25]);
});

it("the total of a token usage is stated or the sum of its parts", () => {
  expect([{}, { inputTokens: 2 }, { inputTokens: 2, outputTokens: 3 }, { inputTokens: 2, totalTokens: 9 }].map(totalTokensOf)).toEqual([
    0, 2, 5, 9,
  ]);
});
