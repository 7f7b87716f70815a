import { parseArgs } from "node:util";
import pg from "pg";
import { startPostgres } from "../support/postgres-server.ts";
import { actorfleetPostgres } from "./contenders/actorfleet-postgres.ts";
import { dbos } from "./contenders/dbos.ts";
import { graphile, graphileLocalQueue } from "./contenders/graphile-worker.ts";
import { pgBoss } from "./contenders/pg-boss.ts";
import { measureStoredThroughput } from "./postgres-throughput.ts";

export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      rounds: { type: "string", default: "5" },
      concurrency: { type: "string", default: "1,10,100" },
      who: { type: "string", default: "" },
      modes: { type: "string", default: "single,many" },
      ms: { type: "string", default: "600" },
    },
  });
  const server = await startPostgres({ max_connections: "300" });
  const admin = new pg.Client({ connectionString: server.connectionString });
  admin.on("error", () => {});
  await admin.connect();
  const made = new Map<string, string>();
  try {
    for (const mode of values.modes.split(",") as ("single" | "many")[]) {
      for (const concurrency of values.concurrency.split(",").map(Number)) {
        const figures = await measureStoredThroughput({
          contenders: [actorfleetPostgres, pgBoss, graphile, graphileLocalQueue, dbos].filter(({ name }) => name.includes(values.who)),
          mode,
          concurrency,
          rounds: Number(values.rounds),
          sampleMs: Number(values.ms),
          async connectionString({ name }) {
            const known = made.get(name);
            if (known !== undefined) return known;
            const database = name.replaceAll(/\W/g, "_");
            await admin.query(`CREATE DATABASE "${database}"`);
            const made_ = server.connectionString.replace(/postgres$/, database);
            made.set(name, made_);
            return made_;
          },
        });
        for (const { name, median, min } of figures)
          process.stdout.write(`${mode} ${concurrency} ${name}: ${Math.round(1e6 / median)}/s (best ${Math.round(1e6 / min)})\n`);
      }
    }
  } finally {
    await admin.end();
    await server.remove();
  }
}
