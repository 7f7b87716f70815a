import { parseArgs } from "node:util";
import { report } from "./report.ts";
import { measureClaims } from "./sqlite-claims.ts";
import { measureLatency } from "./sqlite-latency.ts";
import { measureThroughput } from "./sqlite-throughput.ts";

const parts = { throughput: measureThroughput, latency: measureLatency, claims: measureClaims };

/**
 * The durable coordinator on SQLite beside plainjob, in one run: throughput, latency when idle, and claims in a large file. `--rounds` (5),
 * `--count` (20000, executions of a sample) and `--only` (throughput, latency, claims) make it shorter.
 */
export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      rounds: { type: "string", default: "5" },
      count: { type: "string", default: "20000" },
      only: { type: "string", default: Object.keys(parts).join(",") },
    },
  });
  const rounds = Number(values.rounds);
  const count = Number(values.count);
  const chosen = values.only.split(",");
  const measured = Object.entries(parts).filter(([name]) => chosen.includes(name));
  await report("sqlite", rounds, Object.fromEntries(measured.map(([name, measure]) => [name, () => measure({ rounds, count })])));
}
