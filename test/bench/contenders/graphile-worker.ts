import { Logger, makeWorkerUtils, type Runner, run } from "graphile-worker";
import pg from "pg";
import { watchPostgres } from "./server-watch.ts";
import type { Contender } from "./stored-contender.ts";

const silent = new Logger(() => () => {});

/** Deletes what has ended and keeps no result. */
function graphileWorker(
  name: string,
  toPreset: (concurrency: number) => { localQueue?: { size: number }; completeJobBatchDelay?: number },
): Contender {
  return {
    name,
    startsMany: true,
    url: import.meta.url,
    watch: watchPostgres("SELECT count(*)::integer AS unfinished FROM graphile_worker._private_jobs"),
    async open({ connectionString, concurrency, begun }) {
      const pool = new pg.Pool({ connectionString, max: Math.max(10, concurrency + 2) });
      pool.on("error", () => {});
      const utils = await makeWorkerUtils({ pgPool: pool, logger: silent });
      await utils.migrate();
      let runner: Runner | undefined;
      return {
        start: (input) => utils.addJob("bench", { input }),
        startMany: (inputs) => utils.addJobs(inputs.map((input) => ({ identifier: "bench", payload: { input } }))),
        async work() {
          runner = await run({
            pgPool: pool,
            logger: silent,
            concurrency,
            noHandleSignals: true,
            taskList: { bench: async (payload) => begun((payload as { input: number }).input) },
            preset: { worker: toPreset(concurrency) },
          });
        },
        async close() {
          await runner?.stop();
          await utils.release();
          await pool.end();
        },
      };
    },
  };
}

export const graphile = graphileWorker("graphile-worker", () => ({}));
/** Takes 500 at a time, so that up to 500 are out of reach for others. */
export const graphileLocalQueue = graphileWorker("graphile-worker, local queue", () => ({
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
}));
