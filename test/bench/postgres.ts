import { arch, cpus, platform } from "node:os";
import { parseArgs } from "node:util";
import pg from "pg";
import { startPostgres } from "../support/postgres-server.ts";
import { actorfleetMachine, actorfleetPostgres, actorfleetSteps } from "./contenders/actorfleet-postgres.ts";
import { dbos, dbosQueue, dbosSteps } from "./contenders/dbos.ts";
import { graphile, graphileLocalQueue } from "./contenders/graphile-worker.ts";
import { pgBoss } from "./contenders/pg-boss.ts";
import type { Contender } from "./contenders/stored-contender.ts";
import { measureClaims } from "./postgres-claims.ts";
import { measureLatency } from "./postgres-latency.ts";
import type { Figure } from "./rounds.ts";
import type { StartMode } from "./stored-sample.ts";
import { measureStoredThroughput } from "./stored-throughput.ts";
import { toFigure, toTable } from "./table.ts";
import { type Target, toTargetTable, toVerdict } from "./targets.ts";

const parts = ["throughput", "steps", "latency", "claims"];
const modes: Record<StartMode, string> = { single: "one by one, as many callers as run", many: "by one call, before any runs" };

/** A figure per contender, by how they are started and how many run. */
type Throughput = Record<string, Record<number, readonly Figure[]>>;

/**
 * The durable coordinator beside others on one Postgres server of its own, fsync on: executions per second from start to stored end, a
 * checkpointing machine of five steps, idle latency, what claims cost. `--rounds` (5), `--concurrency` (1,10,100), `--modes` (single,many),
 * `--only` (throughput, steps, latency, claims), `--who` (part of a contender's name), `--sample-ms` (2000) make it shorter; `--quick` is three
 * rounds at 10 and 100.
 */
export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      concurrency: { type: "string" },
      modes: { type: "string", default: Object.keys(modes).join(",") },
      only: { type: "string", default: parts.join(",") },
      who: { type: "string", default: "" },
      "sample-ms": { type: "string", default: "2000" },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  const concurrencies = (values.concurrency ?? (values.quick ? "10,100" : "1,10,100")).split(",").map(Number);
  const chosen = values.only.split(",");
  const isAsked = ({ name }: Contender) => name.includes(values.who);
  const server = await startPostgres({ max_connections: "300" });
  const admin = new pg.Client({ connectionString: server.connectionString });
  admin.on("error", () => {});
  await admin.connect();
  const databases = new Map<string, Promise<string>>();
  const databaseOf = (name: string): Promise<string> => {
    const database = name.replaceAll(/\W+/g, "_");
    const made =
      databases.get(name) ??
      admin.query(`CREATE DATABASE "${database}"`).then(() => server.connectionString.replace(/\/postgres$/, `/${database}`));
    databases.set(name, made);
    return made;
  };
  const connectionString = ({ name }: Contender) => databaseOf(name);
  try {
    const { rows } = await admin.query("SHOW server_version");
    const machine = `node ${process.version}, Postgres ${rows[0].server_version}, fsync on, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
    process.stdout.write(`${machine}\n`);
    const figures: Record<string, unknown> = {};
    const targets: Target[] = [];
    const throughputOf = async (contenders: readonly Contender[], asked: readonly StartMode[]): Promise<Throughput> => {
      const found: Throughput = {};
      for (const mode of asked) {
        found[mode] = {};
        for (const concurrency of concurrencies) {
          const sampleMs = Number(values["sample-ms"]);
          found[mode][concurrency] = await measureStoredThroughput({
            ...{ contenders: contenders.filter(isAsked), mode, concurrency, rounds, sampleMs, connectionString },
          });
        }
      }
      return found;
    };
    const asked = values.modes.split(",") as StartMode[];
    if (chosen.includes("throughput")) {
      const found = await throughputOf([actorfleetPostgres, pgBoss, graphile, graphileLocalQueue, dbos], asked);
      process.stdout.write(`\nExecutions per second: start, run, end stored\n\n${toThroughputTable(found, concurrencies)}\n`);
      figures.throughput = toRates(found);
      targets.push(...throughputTargets(found));
    }
    if (chosen.includes("steps")) {
      const found = await throughputOf(
        [actorfleetSteps, actorfleetMachine, dbosSteps],
        asked.filter((mode) => mode === "single"),
      );
      process.stdout.write(`\nThe same with five steps that are saved\n\n${toThroughputTable(found, concurrencies)}\n`);
      figures.steps = toRates(found);
    }
    if (chosen.includes("latency")) {
      const contenders = [actorfleetPostgres, actorfleetMachine, pgBoss, graphile, graphileLocalQueue, dbosQueue];
      const found = await measureLatency(contenders.filter(isAsked), rounds, connectionString);
      const table = found.map(({ name, p50, p99 }) => [name, toFigure(p50), toFigure(p99)]);
      process.stdout.write(`\nFrom start to running when idle, ms\n\n${toTable(["", "p50", "p99"], table)}\n`);
      figures.latency = found;
      const own = found.find(({ name }) => name === actorfleetPostgres.name);
      if (own !== undefined) targets.push({ promise: "ms from start to running when idle, p50", value: own.p50, atMost: 5 });
    }
    if (chosen.includes("claims")) {
      const found = await measureClaims(await databaseOf("claims"));
      const table = found.map(({ name, ms, pages }) => [name, toFigure(ms), String(pages)]);
      process.stdout.write(`\nA claim of ten from 100 000 queued\n\n${toTable(["", "ms", "pages"], table)}\n`);
      figures.claims = found;
      const [few, many] = found;
      if (few !== undefined && many !== undefined)
        targets.push({ promise: "pages of a claim beside 1 000 000 finished", value: many.pages / few.pages, atMost: 1.2 });
    }
    process.stdout.write(`\nWhat must hold\n\n${toTargetTable(targets)}\n\n`);
    process.stdout.write(`${JSON.stringify({ bench: "postgres", machine, rounds, ...figures, targets: targets.map(toVerdict) })}\n`);
  } finally {
    await admin.end();
    await server.remove();
  }
}

const perSecond = ({ median }: Figure) => 1_000_000 / median;

function toThroughputTable(found: Throughput, concurrencies: readonly number[]): string {
  const rows = Object.entries(found).flatMap(([mode, byConcurrency]) => {
    const names = byConcurrency[concurrencies[0] as number]?.map(({ name }) => name) ?? [];
    return names.map((name) => [
      `${name}, ${modes[mode as StartMode]}`,
      ...concurrencies.map((concurrency) => {
        const figure = byConcurrency[concurrency]?.find((one) => one.name === name);
        return figure === undefined ? "–" : Math.round(perSecond(figure)).toLocaleString("en");
      }),
    ]);
  });
  return toTable(["", ...concurrencies.map((concurrency) => `${concurrency} at a time`)], rows);
}

/** Executions per second, and how many times as fast actorfleet is. */
function toRates(found: Throughput): unknown {
  return Object.fromEntries(
    Object.entries(found).map(([mode, byConcurrency]) => [
      mode,
      Object.fromEntries(
        Object.entries(byConcurrency).map(([concurrency, figures]) => [
          concurrency,
          figures.map((figure) => ({
            ...{ name: figure.name, perSecond: Math.round(perSecond(figure)), rounds: figure.rounds },
            ...(figures[0] !== undefined && { ratio: Number((figure.median / figures[0].median).toFixed(2)) }),
          })),
        ]),
      ),
    ]),
  );
}

function throughputTargets(found: Throughput): Target[] {
  return Object.entries(found).flatMap(([mode, byConcurrency]) => {
    const times = (concurrency: number, contender: Contender, atLeast: number): Target[] => {
      const [own, other] = [actorfleetPostgres, contender].map(({ name }) => byConcurrency[concurrency]?.find((one) => one.name === name));
      if (own === undefined || other === undefined) return [];
      return [{ promise: `${mode}, ${concurrency} at a time: times ${contender.name}`, value: other.median / own.median, atLeast }];
    };
    return [
      ...times(10, pgBoss, 1.5),
      ...times(10, graphile, 1.5),
      ...times(10, dbos, 1.5),
      ...times(100, pgBoss, 1),
      // Deletes what has ended and keeps no result: told, not promised.
      ...times(100, graphileLocalQueue, 0),
    ];
  });
}
