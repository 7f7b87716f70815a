import { describe, expect, it } from "vitest";
import { InvalidOptionsError } from "../../../src/model/errors.ts";
import { createSaturationMonitor, type SaturationChange } from "../../../src/model/saturation-monitor.ts";

describe("a saturation monitor", () => {
  it("knows five levels and what each asks for", () => {
    const monitor = createSaturationMonitor({ maxTokens: 1_000 });
    const seen = [0, 599, 600, 749, 750, 849, 850, 949, 950, 5_000].map((tokens) => monitor.setUsage(tokens));
    expect(seen.map(({ level, action }) => `${level} ${action}`)).toEqual([
      "normal none",
      "normal none",
      "elevated considerSummarization",
      "elevated considerSummarization",
      "high shouldPageOut",
      "high shouldPageOut",
      "critical mustEvict",
      "critical mustEvict",
      "overflow emergency",
      "overflow emergency",
    ]);
  });

  it("takes a level's own percentage for the level, without rounding down", () => {
    for (let percent = 1; percent < 100; percent += 1) {
      const thresholds = { elevated: percent, high: 100, critical: 100, overflow: 100 };
      for (const maxTokens of [100, 300, 700, 128_000]) {
        expect(createSaturationMonitor({ maxTokens, thresholds }).setUsage((maxTokens * percent) / 100).level).toBe("elevated");
      }
    }
  });

  it("adds up what its sources used, and forgets it on reset", () => {
    const monitor = createSaturationMonitor({ maxTokens: 100 });
    monitor.recordUsage(10, "prompt");
    monitor.recordUsage(20, "__proto__");
    monitor.recordUsage(30, "prompt");
    monitor.recordUsage(1);
    expect(monitor.state).toMatchObject({ currentTokens: 61, percentage: 61, level: "elevated" });
    expect(Object.entries(monitor.state.usageBySource)).toEqual([
      ["prompt", 40],
      ["__proto__", 20],
      ["other", 1],
    ]);
    expect(monitor.reset()).toEqual({
      currentTokens: 0,
      maxTokens: 100,
      percentage: 0,
      level: "normal",
      action: "none",
      usageBySource: {},
    });
  });

  it("tells changes of the level, and nothing else", () => {
    const changes: SaturationChange[] = [];
    const monitor = createSaturationMonitor({ maxTokens: 100, onChange: (change) => changes.push(change) });
    for (const tokens of [10, 50, 1, 1, 35]) monitor.recordUsage(tokens);
    monitor.reset();
    monitor.reset();
    expect(changes.map(({ previousLevel, level }) => [previousLevel, level])).toEqual([
      ["normal", "elevated"],
      ["elevated", "overflow"],
      ["overflow", "normal"],
    ]);
  });

  it("is never saturated without a capacity", () => {
    expect(createSaturationMonitor({ maxTokens: 0 }).recordUsage(10)).toMatchObject({ percentage: 0, level: "normal" });
    expect(createSaturationMonitor().state.maxTokens).toBe(128_000);
  });

  it("refuses numbers that make no sense", () => {
    expect(() => createSaturationMonitor({ maxTokens: -1 })).toThrow(InvalidOptionsError);
    expect(() => createSaturationMonitor({ thresholds: { high: 99 } })).toThrow(InvalidOptionsError);
    expect(() => createSaturationMonitor().recordUsage(Number.NaN)).toThrow(InvalidOptionsError);
  });
});
