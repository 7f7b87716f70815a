import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { actorfleetSqlite } from "./contenders/actorfleet-sqlite.ts";
import type { FileContender, FileSetting } from "./contenders/file-contender.ts";
import { plainjob } from "./contenders/plainjob.ts";
import type { Part } from "./report.ts";
import { median } from "./rounds.ts";
import { withFile } from "./sqlite-files.ts";
import { toFigure, toTable } from "./table.ts";

const startsPerRound = 50;
/** Between two starts, so that everybody has come to rest; not a multiple of anybody's interval. */
const restMs = 37;
const idleMs = 2_000;

type Where = "same process" | "two connections" | "two processes";

interface Latency {
  readonly name: string;
  readonly where: Where;
  readonly p50: number;
  readonly p99: number;
}

/** From the call that starts an execution until it runs, when nothing else does; and what a worker costs that waits. */
export async function measureLatency({ rounds }: { rounds: number }): Promise<Part> {
  const latencies: Latency[] = [];
  for (const contender of [actorfleetSqlite, plainjob])
    for (const where of ["same process", "two connections", "two processes"] as const) {
      process.stderr.write(`latency: ${contender.name}, ${where}\n`);
      const samples = (await withFile((filename) => latenciesOf(contender, where, filename, rounds * startsPerRound))).sort(
        (a, b) => a - b,
      );
      const p99 = samples[Math.floor(samples.length * 0.99)] ?? Number.NaN;
      latencies.push({ name: contender.name, where, p50: median(samples), p99 });
    }
  const idlePercent = await withFile(idleCpu);
  return {
    title: `ms from a start to its run when idle, ${rounds * startsPerRound} starts (plainjob: polling every 5 ms)`,
    table: toTable(
      ["", "p50", "p99"],
      [
        ...latencies.map(({ name, where, p50, p99 }) => [`${name}, ${where}`, toFigure(p50), toFigure(p99)]),
        ["% of a core for an idle worker of actorfleet", toFigure(idlePercent), ""],
      ],
    ),
    figures: { latencies, idlePercent },
    targets: [
      ...latencies
        .filter(({ name }) => name === actorfleetSqlite.name)
        .map(({ where, p50 }) => ({ promise: `ms from start to run when idle, p50, ${where}`, value: p50, atMost: 5 })),
      { promise: "% of a core for an idle worker", value: idlePercent, atMost: 1 },
    ],
  };
}

async function latenciesOf(contender: FileContender, where: Where, filename: string, count: number): Promise<number[]> {
  let begun: (at: number) => void = () => {};
  const setting: FileSetting = { filename, synchronous: "NORMAL", concurrency: 10, begun: () => begun(now()), ended() {} };
  const starter = await contender.open(where === "same process" ? setting : { ...setting, concurrency: 0 });
  const stopWorker =
    where === "same process"
      ? async () => starter.work()
      : where === "two connections"
        ? await workHere(contender, setting)
        : await workElsewhere(contender, filename, (at) => begun(at));
  if (where === "same process") await stopWorker();
  const samples: number[] = [];
  // The first few are for the compilers.
  for (let index = -20; index < count; index += 1) {
    await sleep(restMs);
    const begins = new Promise<number>((resolve) => {
      begun = resolve;
    });
    const startedAt = now();
    await starter.start(index);
    const tookMs = (await begins) - startedAt;
    if (index >= 0) samples.push(tookMs);
  }
  if (where !== "same process") await stopWorker();
  await starter.close();
  return samples;
}

async function workHere(contender: FileContender, setting: FileSetting): Promise<() => Promise<void>> {
  const worker = await contender.open(setting);
  worker.work();
  return () => worker.close();
}

async function workElsewhere(contender: FileContender, filename: string, begun: (at: number) => void): Promise<() => Promise<void>> {
  const child = fork(fileURLToPath(import.meta.url), [contender.name, filename], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the worker's process ended with ${code}`)));
  });
  child.on("message", (at) => begun(at as number));
  return async () => {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.disconnect();
    await exited;
  };
}

/** % of a core that a worker takes which has nothing to do. */
async function idleCpu(filename: string): Promise<number> {
  const stop = await workHere(actorfleetSqlite, { filename, synchronous: "NORMAL", concurrency: 10, begun() {}, ended() {} });
  await sleep(500);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await sleep(idleMs);
  const { user, system } = process.cpuUsage(before);
  const percent = (user + system) / 10 / (performance.now() - startedAt);
  await stop();
  return percent;
}

/** Comparable between the processes of a machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , name, filename = ""] = process.argv;
  const contender = name === plainjob.name ? plainjob : actorfleetSqlite;
  const tell = (message: unknown) => process.send?.(message);
  const stop = await workHere(contender, { filename, synchronous: "NORMAL", concurrency: 10, begun: () => tell(now()), ended() {} });
  process.once("disconnect", () => void stop());
  tell("ready");
}
