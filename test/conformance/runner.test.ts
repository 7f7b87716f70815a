import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type ConformanceCase, readCases } from "./conformance-case.ts";
import type { WorldKind } from "./durable-world.ts";
import { difference, Forms, SeenText } from "./matcher.ts";
import { runCase } from "./run-case.ts";
import { changed, type WrongCase, withUnknownWords, withWrongExpectations } from "./wrong-expectations.ts";

const cases = ["cases.json", "own-cases.json"].flatMap((file) => readCases(new URL(file, import.meta.url)));
/** The quickest world in which every case means something. */
const kinds: readonly WorldKind[] = [{ store: "memory", hasQueue: true }];

describe("the runner of the cases", () => {
  it("fails every case in which one expectation is wrong", async () => {
    const wrong = cases.flatMap(withWrongExpectations);
    expect(wrong.length).toBeGreaterThan(500);
    expect(await passedAnyway(wrong)).toEqual([]);
  }, 120_000);

  it("fails every case with a word it does not know, wherever it stands", async () => {
    const wrong = cases.flatMap(withUnknownWords);
    expect(wrong.length).toBeGreaterThan(300);
    expect(await passedAnyway(wrong)).toEqual([]);
  }, 120_000);

  it("fails a case that expects nothing, does nothing it knows, or is of no known area", async () => {
    const [first] = cases as [ConformanceCase];
    const changes: [string, unknown][] = [
      ["then", {}],
      ["when", { action: "dance" }],
      ["when", {}],
      ["area", "cooking"],
      ["given", undefined],
    ];
    for (const [word, value] of changes) expect(await runCase(changed(first, [word], value))).toMatchObject({ outcome: "failed" });
  });

  it("prints a line per case and the totals, and exits with 1 if one failed", () => {
    const [good] = cases as [ConformanceCase];
    const [bad] = withWrongExpectations(good) as unknown as [WrongCase, ...WrongCase[]];
    const stored = cases.find(({ id }) => id === "PQ-05") as ConformanceCase;
    expect(runFile([good, stored])).toEqual({
      lines: [`ok ${good.id}`, "ok PQ-05", "n/a 5 times: a store that is its own queue has no messages", "2 passed, 0 failed"],
      status: 0,
    });
    const failing = runFile([good, { ...bad.conformanceCase, id: "BAD-1" }]);
    expect(failing).toEqual({
      lines: [`ok ${good.id}`, expect.stringMatching(/^FAIL BAD-1 .*expected .*, seen /), "1 passed, 1 failed"],
      status: 1,
    });
  }, 120_000);

  it("counts what means nothing in any world, and never as passed", async () => {
    const stored = cases.find(({ id }) => id === "PQ-05") as ConformanceCase;
    expect(await runCase(stored, [{ store: "memory", hasQueue: false }])).toEqual({
      id: "PQ-05",
      outcome: "notApplicable",
      notIn: [expect.any(String)],
    });
  });
});

describe("what is expected matches what is seen", () => {
  it.each([
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: null }, { a: undefined }, true],
    [{ a: null }, {}, false],
    [{ a: 1 }, { a: "1" }, false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [[{ a: 1 }], [{ a: 1, b: 1 }], true],
    [null, undefined, true],
    [null, 0, false],
    [{}, null, false],
    [{ atMost: 3 }, 3, true],
    [{ atMost: 3 }, 4, false],
    [{ atMost: 3 }, null, false],
    [{ between: [1, 2] }, 2, true],
    [{ between: [1, 2] }, 0, false],
    [true, new Forms(true, 2), true],
    [2, new Forms(true, 2), true],
    [3, new Forms(true, 2), false],
    [["b"], new SeenText("abc"), true],
    [["d"], new SeenText("abc"), false],
    [["d"], new SeenText("abc", false), true],
    [["b"], new SeenText("abc", false), false],
    ["b", new SeenText("abc"), false],
  ])("%j against %j: %s", (expected, seen, matches) => {
    expect(difference(expected, seen) === undefined).toBe(matches);
  });
});

async function passedAnyway(wrong: readonly { what: string; conformanceCase: ConformanceCase }[]): Promise<readonly string[]> {
  const passed: string[] = [];
  for (const { what, conformanceCase } of wrong) {
    const { outcome } = await runCase(conformanceCase, kinds);
    if (outcome !== "failed") passed.push(`${conformanceCase.id}: ${what}`);
  }
  return passed;
}

function runFile(content: readonly unknown[]): { lines: readonly string[]; status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const file = join(folder, "cases.json");
    writeFileSync(file, JSON.stringify(content));
    const runner = fileURLToPath(new URL("run.ts", import.meta.url));
    const { stdout, status } = spawnSync(process.execPath, [runner, "--cases", file], { encoding: "utf8" });
    return { lines: stdout.trimEnd().split("\n"), status };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
