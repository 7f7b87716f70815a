import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const index = new URL("../../../src/index.ts", import.meta.url).href;

/** Runs a program to its own end; one that does not end is killed, which rejects. */
async function outputOf(program: string): Promise<string> {
  const source = `import { createCoordinator } from ${JSON.stringify(index)};\n${program}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", source], { timeout: 8_000 });
  return stdout.trim();
}

describe("a process", () => {
  it("exits by itself after close, whatever was live", async () => {
    const program = `
      const coordinator = createCoordinator({ orchestrator: () => new Promise(() => {}), timeoutMs: 3_600_000, maxConcurrent: 1 });
      await coordinator.start(1);
      await coordinator.start(2, { delayMs: 3_600_000 });
      console.log(JSON.stringify(await coordinator.close({ mode: "cancel", deadlineMs: 5 })));`;
    expect(JSON.parse(await outputOf(program))).toEqual({ drained: 0, cancelled: 1, released: 0, abandoned: 1 });
  });

  it("exits by itself without close when all work is done", async () => {
    const program = `
      const coordinator = createCoordinator({ orchestrator: async (n) => n * 2 });
      console.log(await coordinator.waitFor(await coordinator.start(21)));`;
    expect(await outputOf(program)).toBe("42");
  });

  it("does not exit before delayed work is done", async () => {
    const program = `
      const coordinator = createCoordinator({ orchestrator: async () => console.log("done") });
      await coordinator.start(1, { delayMs: 20 });`;
    expect(await outputOf(program)).toBe("done");
  });

  it("is not ended by listeners and subscribers that throw", async () => {
    const program = `
      const broken = () => { throw new Error("broken"); };
      const coordinator = createCoordinator({ orchestrator: async (n) => n, inspect: broken, onError: broken });
      coordinator.on("*", broken);
      coordinator.stats.subscribe(broken);
      console.log(await coordinator.waitFor(await coordinator.start(7)));
      await coordinator.close();`;
    expect(await outputOf(program)).toBe("7");
  });
});
