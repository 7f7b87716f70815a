import { arch, cpus, platform } from "node:os";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { startRedis } from "../support/redis-server.ts";
import { actorfleetRedis } from "./contenders/actorfleet-redis.ts";
import { bullmq } from "./contenders/bullmq.ts";
import type { Figure } from "./rounds.ts";
import type { StartMode } from "./stored-sample.ts";
import { measureStoredThroughput } from "./stored-throughput.ts";
import { toTable } from "./table.ts";
import { type Target, toTargetTable, toVerdict } from "./targets.ts";

const modes: Record<StartMode, string> = { single: "one by one, as many callers as run", many: "by one call, before any runs" };

/**
 * The durable coordinator on the Redis store beside BullMQ alone, results kept by both, on one server of its own that keeps an append-only
 * file (`everysec`; `--fsync always` for the other). `--rounds` (5), `--concurrency` (1,10,100), `--modes` (single,many), `--who` (part of a
 * name), `--sample-ms` (2000) make it shorter; `--quick` is three rounds at 10 and 100.
 */
export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      concurrency: { type: "string" },
      modes: { type: "string", default: Object.keys(modes).join(",") },
      fsync: { type: "string", default: "everysec" },
      who: { type: "string", default: "" },
      "sample-ms": { type: "string", default: "2000" },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  const concurrencies = (values.concurrency ?? (values.quick ? "10,100" : "1,10,100")).split(",").map(Number);
  const contenders = [actorfleetRedis, bullmq].filter(({ name }) => name.includes(values.who));
  const server = await startRedis({ appendfsync: values.fsync });
  const admin = new Redis(server.url);
  admin.on("error", () => {});
  try {
    const version = /redis_version:(\S+)/.exec(await admin.info("server"))?.[1];
    const machine = `node ${process.version}, Redis ${version}, appendfsync ${values.fsync}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
    process.stdout.write(`${machine}\n`);
    const found: { mode: StartMode; concurrency: number; figures: readonly Figure[] }[] = [];
    for (const mode of values.modes.split(",") as StartMode[]) {
      for (const concurrency of concurrencies) {
        const sampleMs = Number(values["sample-ms"]);
        const connectionString = async () => server.url;
        const figures = await measureStoredThroughput({ contenders, mode, concurrency, rounds, sampleMs, connectionString });
        found.push({ mode, concurrency, figures });
      }
    }
    const rows = found.map(({ mode, concurrency, figures }) => [
      `${concurrency} at a time, ${modes[mode]}`,
      ...contenders.map(({ name }) => toRate(figures.find((figure) => figure.name === name))),
    ]);
    process.stdout.write(
      `\nExecutions per second: start, run, end stored\n\n${toTable(["", ...contenders.map(({ name }) => name)], rows)}\n`,
    );
    const targets = found.flatMap(({ mode, concurrency, figures }): Target[] => {
      const [own, other] = figures;
      if (own === undefined || other === undefined || concurrency === 1) return [];
      return [{ promise: `${mode}, ${concurrency} at a time: time over BullMQ's`, value: own.median / other.median, atMost: 1.25 }];
    });
    process.stdout.write(`\nWhat must hold\n\n${toTargetTable(targets)}\n\n`);
    const throughput = found.map(({ mode, concurrency, figures }) => ({
      ...{ mode, concurrency },
      perSecond: Object.fromEntries(figures.map((figure) => [figure.name, Math.round(1_000_000 / figure.median)])),
    }));
    process.stdout.write(`${JSON.stringify({ bench: "redis", machine, rounds, throughput, targets: targets.map(toVerdict) })}\n`);
  } finally {
    admin.disconnect();
    await server.remove();
  }
}

function toRate(figure: Figure | undefined): string {
  return figure === undefined ? "–" : Math.round(1_000_000 / figure.median).toLocaleString("en");
}
