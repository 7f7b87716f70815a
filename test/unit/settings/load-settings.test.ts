import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadSettings } from "../../../src/settings/load-settings.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "settings-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("a settings file", () => {
  it("is read like its text", async () => {
    const file = join(folder, "high.yaml");
    await writeFile(file, "orchestration: {max_iterations: 3}\n");
    expect((await loadSettings(file, { environment: {} })).orchestration.maxIterations).toBe(3);
  });

  it("that is wrong is named in the error", async () => {
    const file = join(folder, "wrong.yaml");
    await writeFile(file, "llm:\n  top_p: 2\n");
    await expect(loadSettings(file, { environment: {} })).rejects.toMatchObject({
      code: "SETTINGS_INVALID",
      file,
      line: 2,
      path: "llm.top_p",
    });
  });

  it("that is missing or no file is refused", async () => {
    const file = join(folder, "none.yaml");
    await expect(loadSettings(file)).rejects.toMatchObject({ code: "SETTINGS_FILE_NOT_FOUND", file });
    await expect(loadSettings(folder)).rejects.toMatchObject({ code: "SETTINGS_FILE_UNREADABLE", file: folder });
  });
});
