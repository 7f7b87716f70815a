import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeWithKafka } from "../support/kafka-server.ts";

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "examples-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

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
  "http-client.ts": [
    /started: 202/,
    /order\.lost: 409 .*; accepted: order\.paid, order\.withdrawn/,
    /a wrong start: 422 #\/options\/priority /,
    /order\.paid: 202/,
    /event: execution\.snapshot/,
    /event: execution\.completed/,
    /completed: a lamp on its way/,
    /1 record/,
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
  "telemetry.ts": [
    /"level":30,"event":"execution\.started","executionId":"order-7","attempt":1/,
    /"level":40,"event":"execution\.retrying".*the warehouse does not answer/,
    /"event":"execution\.completed","executionId":"order-7","attempt":2,"durationMs":\d+/,
    /a lamp on its way/,
    /span: execution\.start +under POST \/orders, 0 links/,
    /span: execution\.attempt failed under execution\.start, 0 links/,
    /span: pack +under execution\.attempt, 0 links/,
    /span: execution\.attempt completed under execution\.start, 1 links/,
    /span: execution completed under execution\.start, 2 links/,
    /traces: 1/,
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
  "dashboard.ts": [/Sign or discard them at http/, /Ada: discard or sign\?/, /Ada: completed, Grace: completed, Edsger: completed/],
  "inspector.ts": [/lisbon: onTheRoad/, /office: onTheRoad/, /shown: 1 of 2, no inspector is there/, /all delivered/],
  "inspector-terminal.ts": [/^ {4}lisbon +onTheRoad$/m, /^ {4}lisbon +delivered\n {2}porto +\{running:waiting\}\n {4}porto +onTheRoad$/m],
  "serverless.ts": [/202 \/reports\/<id>/, /Sales, 10 chapters/, /in several calls/],
  "events.ts": [
    /stream: \d+ leaflet execution\.queued/,
    /stream: \d+ novel execution\.failed/,
    /stream: \d+ leaflet execution\.completed/,
    /stats: 2 completed, 1 failed, at most 2 of 2 slots taken/,
  ],
};

describe("every example", () => {
  it("is known to this test", () => {
    const folders = [
      "aws-lambda",
      "azure-functions",
      "capital-tours",
      "durable-machine",
      "kafka-workers",
      "postgres-workers",
      "rabbitmq-workers",
      "redis-workers",
      "transactional-start",
      "two-workers",
    ];
    const known = [...Object.keys(keyLines), "durable-sqlite.ts", ...folders];
    expect(readdirSync(examples).filter((name) => !name.endsWith(".yaml") && name !== "screenshots")).toEqual(known.sort());
  });

  it("is short, but for the capital tours", () => {
    const files = readdirSync(examples, { recursive: true, encoding: "utf8" });
    const sources = files.filter((name) => name.endsWith(".ts") && !name.startsWith("capital-tours"));
    const long = sources.filter((name) => readFileSync(`${examples}${name}`, "utf8").split("\n").length > 60);
    expect(long).toEqual([]);
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
    const file = join(folder, "executions.sqlite");
    const killed = run("durable-sqlite.ts", "2", file);
    expect(await ended(killed), killed.output).toBe(null);
    expect(killed.output.trim()).toBe("Sales: step 1 of 5\nSales: step 2 of 5");
    const again = run("durable-sqlite.ts", "never", file);
    expect(await ended(again), again.output).toBe(0);
    const expected = [/^Sales: step 3 of 5/, /step 5 of 5/, /Sales has 5 steps/, /attempts 2, of which its process ended 1/];
    expect(missingLine(again.output, expected), again.output).toBeUndefined();
  });
});

describe("durable-machine", () => {
  it("waits in no process, goes on with an answer from another one, and takes one answer only", async () => {
    const expenses = async (program: string, ...options: string[]) => {
      const example = runWith({ EXPENSES: join(folder, "expenses.sqlite") }, `durable-machine/${program}.ts`, ...options);
      expect(await ended(example), example.output).toBe(0);
      return example.output.trim();
    };
    const waiting = /^laptop is running\.waiting: the machine is asking/;
    expect(await expenses("ask", "laptop", "1200")).toMatch(waiting);
    expect(await expenses("ask", "laptop", "1200")).toMatch(waiting);
    expect(await expenses("approve", "yacht")).toBe("yacht: nobody has asked for this");
    expect(await expenses("approve", "laptop", "Grace")).toBe("laptop: 1200 euros paid for laptop, approved by Grace");
    expect(await expenses("approve", "laptop", "Ada", "reject")).toMatch(/^laptop: answered already: .*approved by Grace$/);
  }, 300_000);
});

describe("aws-lambda", () => {
  it("accepts over HTTP, works through messages of SQS in short calls, shows and sweeps", async () => {
    const example = run("aws-lambda/main.ts");
    expect(await ended(example), example.output).toBe(0);
    const expected = [
      /^202 https:\/\/reports\.example\.org\/reports\/<id>$/m,
      /^Sales, 10 chapters in several calls$/m,
      /^nobody: 404$/m,
      /^sweep: \{ takenOver: 0, due: 0, ended: 0, published: 0, removed: 0 \}$/m,
    ];
    expect(missingLine(example.output, expected), example.output).toBeUndefined();
  }, 60_000);
});

describe("with a server of their own", () => {
  it.each(["postgres-workers", "redis-workers"])(
    "%s share the work, and one goes on with what a killed one had in hand",
    async (name) => {
      const example = run(`${name}/main.ts`);
      expect(await ended(example), example.output).toBe(0);
      const { output } = example;
      expect(missingLine(output, [/Ada: .*chapter 1 of 4/, /Ada is killed/, /Grace: .*chapter 4 of 4/]), output).toBeUndefined();
      expect(output.slice(output.indexOf("Ada is killed"))).not.toMatch(/^ {2}Ada: /m);
      expect(output.match(/: 4 of 4 chapters, by .*; taken over/g), output).toHaveLength(4);
      expect(output, "what Ada began, Grace went on with").toMatch(/by Ada, (Ada, )?Grace, .*; taken over 1 times/);
    },
    120_000,
  );

  it.each(["transactional-start/sqlite.ts", "transactional-start/postgres.ts"])(
    "%s starts what is committed, and nothing that is undone",
    async (name) => {
      const example = run(name);
      expect(await ended(example), example.output).toBe(0);
      expect(example.output.trim().split("\n")).toEqual([
        "a yacht is not paid for",
        "a telescope is on its way",
        "started: [ 'a telescope' ]",
        "orders: [ 'a telescope' ]",
      ]);
    },
    60_000,
  );
});

describeWithKafka("with Kafka brokers of their own", () => {
  it("kafka-workers share the work, and a delayed start waits until it is due", async () => {
    const example = run("kafka-workers/main.ts");
    expect(await ended(example), example.output).toBe(0);
    const lines = [
      /photo 1 was developed by (Ada|Grace)/,
      /photo 20 was developed by/,
      /no sooner than it should: true/,
      /21 completed, 0 failed/,
    ];
    expect(missingLine(example.output, lines), example.output).toBeUndefined();
  }, 60_000);
});

describe("with a RabbitMQ of its own", () => {
  it("rabbitmq-workers share the work that the broker tells them of, each of them once", async () => {
    const example = run("rabbitmq-workers/main.ts");
    expect(await ended(example), example.output).toBe(0);
    const { output } = example;
    expect(output.match(/^a letter to \w+, written by (Ada|Grace)$/gm), output).toHaveLength(9);
    for (const worker of ["Ada", "Grace"]) expect(output).toMatch(new RegExp(`^  ${worker}: a letter to`, "m"));
    expect(output.match(/^ {2}(Ada|Grace): /gm), output).toHaveLength(9);
    expect(missingLine(output, [/a letter to Tony, written by/, /^after a second$/m]), output).toBeUndefined();
  }, 300_000);
});

describe("the tours through the capitals", () => {
  it("come to an end with a table, two cancelled by rule and a few failed for want of a capital", async () => {
    const example = run("capital-tours/main.ts", "--routes", "--state", join(folder, "tours.db"));
    expect(await ended(example), example.output).toBe(0);
    const { output } = example;
    expect(output).not.toMatch(/bug/);
    expect(output).toMatch(/✗ Antarctic .*no tour can begin in Antarctica: it has no capital/);
    expect(output).toMatch(/✗ Antarctic .*a round trip needs three capitals, and Antarctic has 2/);
    expect(output.match(/cancelled, another tour around the world is ahead/g)).toHaveLength(2);
    expect(output).toMatch(/≈ World .* iteration 10 /);
    expect(output).toMatch(/^World +240 .* limit +1\/4$/m);
    expect(output).toMatch(/^ {4}Caribbean +28 .* optimal .* goal +4\/4$/m);
    expect(output).toMatch(/^ {2}Antarctic +2 +no tour +0\/4$/m);
    expect(output).toMatch(/115\/115 ended: 102 completed, 11 failed, 2 cancelled, 0 running, 0 queued/);
    expect(output).toMatch(/Central America\n.*→/);
    expect(output).not.toMatch(/npm start goes on|Going on/);
    expect(output).not.toContain("\x1b");
  }, 300_000);

  it("stop on Ctrl-C with a table of what was done, and go on when started again, also after kill -9", async () => {
    const state = ["--state", join(folder, "tours.db")];
    const stopped = run("capital-tours/main.ts", ...state);
    await printed(stopped, /… .*iteration +3/);
    stopped.child.kill("SIGINT");
    expect(await ended(stopped), stopped.output).toBe(130);
    expect(stopped.output).toMatch(/Stopping/);
    expect(stopped.output).toMatch(/^World +240 .* goes on +0\/4$/m);
    expect(stopped.output).toMatch(/^ {4}Polynesia +9 +not tried +0\/3$/m);
    const [, endedFirst, left] = /(\d+)\/115 ended: .* 0 running, (\d+) queued/.exec(stopped.output) ?? [];
    expect(Number(endedFirst) + Number(left)).toBe(115);
    expect(stopped.output).toMatch(/npm start goes on: [1-5] from where they were, \d+ from their beginning/);

    const killed = run("capital-tours/main.ts", ...state);
    await printed(killed, /✓/);
    killed.child.kill("SIGKILL");
    await ended(killed);
    expect(killed.output).toContain(`Going on: ${endedFirst} of 115 have ended, `);

    const last = run("capital-tours/main.ts", ...state);
    expect(await ended(last), last.output).toBe(0);
    expect(last.output).toMatch(/Going on: \d+ of 115 have ended, [1-9]\d* go on after their last pass/);
    expect(last.output).toMatch(/115\/115 ended: 102 completed, 11 failed, 2 cancelled, 0 running, 0 queued/);
    // Also what the first process had found.
    expect(last.output).toMatch(/^ {2}Americas +55 .* limit +3\/4$/m);
  }, 300_000);

  it("refuse options they do not know", async () => {
    const example = run("capital-tours/main.ts", "--frehs");
    expect(await ended(example)).toBe(2);
    expect(example.output).toMatch(/Unknown option '--frehs'/);
    expect(example.output).toMatch(/--fresh +begins anew/);
  });
});

interface Example {
  readonly child: ChildProcess;
  /** What it printed so far, errors included. */
  output: string;
}

function run(name: string, ...options: string[]): Example {
  return runWith({}, name, ...options);
}

function runWith(environment: Record<string, string>, name: string, ...options: string[]): Example {
  const { DATABASE_URL: _, KAFKA_BROKERS: __, REDIS_URL: ___, ...own } = process.env; // They start their own servers.
  const env = { ...own, ...environment };
  const child = spawn(process.execPath, [`${examples}${name}`, ...options], { stdio: ["ignore", "pipe", "pipe"], env });
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
