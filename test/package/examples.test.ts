import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

/** What each example must print, in this order. */
const keyLines: Record<string, readonly RegExp[]> = {
  "basic.ts": [
    /the first is (queued|running)/,
    /running: \d of at most 5/,
    /cancel the second: true/,
    /ExecutionCancelledError: .*the second.* was cancelled: Grace moved house/,
    /cancel it again: false/,
    /done: a letter to Ada/,
    /done: a letter to Edsger/,
    /older than 30 minutes: 0 removed, 3 kept/,
  ],
  "human-approval.ts": [
    /asked: may cleanup "delete old files"\?/,
    /asked: may sale "sell the office"\?/,
    /cleanup: running\.waiting/,
    /sale: running\.waiting/,
    /report: done: write the report/,
    /approve: \{ accepted: true \}/,
    /reject: \{ accepted: true \}/,
    /cleanup: done: delete old files \(but keep those of this year\)/,
    /sale: ExecutionCancelledError: .*rejected/,
    /approve again: \{ accepted: false, reason: 'final'/,
  ],
  "machine-approval.ts": [
    /laptop: running\.waiting, the machine is asking/,
    /yacht: running\.waiting, the machine is asking/,
    /refund: notAccepted; accepted now: expense\.approve, expense\.reject/,
    /approve: \{ accepted: true \}/,
    /reject: \{ accepted: true \}/,
    /laptop: 1200 euros paid, approved by Grace/,
    /yacht: rejected/,
    /approve again: \{ accepted: false, reason: 'final'/,
  ],
  "retries-and-timeouts.ts": [
    /busy server: attempt 1 failed \(503, try again later\), the next one in 50 ms/,
    /busy server: attempt 2 failed .*, the next one in 100 ms/,
    /busy server: done in attempt 3/,
    /no such file: ExecutionFailedError: .*404/,
    /slow server: ExecutionTimeoutError/,
    /deaf server: ExecutionTimeoutError/,
    /1 completed, 3 failed/,
  ],
  "two-settings.ts": [
    /lease begins, with priority 10/,
    /treaty begins, with priority 10/,
    /newsletter begins, with priority 0/,
    /treaty: iteration 1 of at most 8, sure enough at 0\.9/,
    /newsletter: iteration 1 of at most 2, sure enough at 0\.7/,
    /newsletter goes on: Once more, still rough/,
    /treaty goes on: Draft 3, please\. The last one: still rough/,
    /newsletter: stoppedByMaxIterations after 2 iterations with draft 2/,
    /postcard: stoppedByMaxIterations after 2 iterations with draft 2/,
    /lease: stoppedByGoalAchieved after 5 iterations with draft 5/,
    /treaty: stoppedByGoalAchieved after 5 iterations with draft 5/,
  ],
  "inspector.ts": [/lisbon: onTheRoad/, /office: onTheRoad/, /shown: 1 of 2, no inspector is there/, /all delivered/],
  "events.ts": [
    /stream: \d+ leaflet execution\.queued/,
    /stream: \d+ novel execution\.failed/,
    /stream: \d+ leaflet execution\.completed/,
    /stats: 2 completed, 1 failed, at most 2 of 2 slots taken/,
  ],
};

describe("every example", () => {
  it("is known to this test", () => {
    const known = [...Object.keys(keyLines), "durable-sqlite.ts"];
    expect(readdirSync(examples).filter((name) => name.endsWith(".ts"))).toEqual(known.sort());
  });

  it.each(Object.entries(keyLines))(
    "%s runs to its end by itself and prints what it promises",
    async (name, expected) => {
      const example = run(name);
      expect(await ended(example), example.output).toBe(0);
      expect(missingLine(example.output, expected), example.output).toBeUndefined();
    },
    10_000,
  );
});

describe("durable-sqlite.ts", () => {
  it("killed in the middle and run again, goes on after the last saved step", async () => {
    const folder = mkdtempSync(join(tmpdir(), "durable-"));
    try {
      const file = join(folder, "executions.sqlite");
      const killed = run("durable-sqlite.ts", "2", file);
      expect(await ended(killed), killed.output).toBe(null);
      expect(killed.output.trim()).toBe("Sales: step 1 of 5\nSales: step 2 of 5");
      const again = run("durable-sqlite.ts", "never", file);
      expect(await ended(again), again.output).toBe(0);
      const expected = [/^Sales: step 3 of 5/, /step 5 of 5/, /Sales has 5 steps/, /attempts 2, of which its process ended 1/];
      expect(missingLine(again.output, expected), again.output).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the tours through the capitals", () => {
  it("come to an end with a table, two cancelled by rule and a few failed for want of a capital", async () => {
    const example = run("capital-tours/main.ts", "--routes");
    expect(await ended(example), example.output).toBe(0);
    const { output } = example;
    expect(output).not.toMatch(/bug/);
    expect(output).toMatch(/✗ Antarctic .*no tour can begin in Antarctica: it has no capital/);
    expect(output).toMatch(/✗ Antarctic .*a round trip needs three capitals, and Antarctic has 2/);
    expect(output.match(/cancelled, another tour around the world is ahead/g)).toHaveLength(2);
    expect(output).toMatch(/≈ World .* iteration 10 /);
    expect(output).toMatch(/^World +240 .* limit +1\/4$/m);
    expect(output).toMatch(/^ {4}Caribbean +28 .* optimal .* goal +4\/4$/m);
    expect(output).toMatch(/115\/115 ended: 102 completed, 11 failed, 2 cancelled, 0 running, 0 queued/);
    expect(output).toMatch(/Central America\n.*→/);
    expect(output).not.toContain("\x1b");
  }, 90_000);

  it("stop on Ctrl-C with a table of what was done", async () => {
    const example = run("capital-tours/main.ts");
    await printed(example, /… .*iteration +3/);
    example.child.kill("SIGINT");
    expect(await ended(example), example.output).toBe(130);
    const { output } = example;
    expect(output).toMatch(/Stopping/);
    expect(output).toMatch(/^World +240 .* 0\/4$/m);
    expect(output).toMatch(/115\/115 ended: \d+ completed, \d+ failed, \d+ cancelled, 0 running, 0 queued/);
  }, 30_000);
});

interface Example {
  readonly child: ChildProcess;
  /** What it printed so far, errors included. */
  output: string;
}

function run(name: string, ...options: string[]): Example {
  const child = spawn(process.execPath, [`${examples}${name}`, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const example: Example = { child, output: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      example.output += text;
    });
  }
  return example;
}

/** Waits for the end of the process and of its output. */
async function ended(example: Example): Promise<number | null> {
  const [code] = await once(example.child, "close");
  return code;
}

async function printed(example: Example, line: RegExp): Promise<void> {
  while (!line.test(example.output)) await once(example.child.stdout!, "data");
}

/** The first of the expected lines that does not come after the one before it. */
function missingLine(output: string, expected: readonly RegExp[]): RegExp | undefined {
  let rest = output;
  return expected.find((line) => {
    const found = line.exec(rest);
    if (found !== null) rest = rest.slice(found.index + found[0].length);
    return found === null;
  });
}
