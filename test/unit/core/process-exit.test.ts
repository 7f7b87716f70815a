import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const entry = new URL("../../../src/index.ts", import.meta.url).href;
const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Runs a script of its own that has `createCoordinator`; gives its exit code and all it printed. */
function run(script: string): Promise<{ code: number | null; printed: string }> {
  return new Promise((resolve, reject) => {
    const program = `import { createCoordinator } from ${JSON.stringify(entry)};\n${script}`;
    const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", program], { cwd: root, timeout: 50_000 });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        printed += data;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, printed }));
  });
}

describe("R17: the process exits by itself", () => {
  it("after close, whatever was live and however it closed", async () => {
    const script = `
      for (const mode of ["drain", "cancel", "release"]) {
        const coordinator = createCoordinator({ orchestrator: (_, { signal }) => new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason)); }), timeoutMs: 600_000, rateLimit: { limit: 1, intervalMs: 900_000 } });
        await coordinator.start(1);
        await coordinator.start(2);
        await coordinator.start(3, { delayMs: 500_000 });
        coordinator.waitFor(await coordinator.start(4), { timeoutMs: 700_000 }).catch(() => {});
        await coordinator.close({ mode, deadlineMs: 20 });
      }
      console.log("closed");`;
    expect(await run(script)).toEqual({ code: 0, printed: "closed\n" });
  });

  it("also without close, once all work is done", async () => {
    const script = `
      const coordinator = createCoordinator({ orchestrator: async (input) => input, timeoutMs: 600_000 });
      const id = await coordinator.start(1);
      console.log(await coordinator.waitFor(id, { timeoutMs: 600_000 }));`;
    expect(await run(script)).toEqual({ code: 0, printed: "1\n" });
  });

  it("also when an abandoned orchestrator goes on reporting after close, and nothing is printed", async () => {
    const script = `
      const coordinator = createCoordinator({ cancelGraceMs: 5, orchestrator: async (_, { progress }) => {
        for (let step = 0; step < 10; step += 1) { await new Promise((resolve) => setTimeout(resolve, 10)); progress(step); }
        throw new Error("late"); } });
      await coordinator.start(1);
      await coordinator.close({ mode: "cancel", deadlineMs: 5 });`;
    expect(await run(script)).toEqual({ code: 0, printed: "" });
  });
});
