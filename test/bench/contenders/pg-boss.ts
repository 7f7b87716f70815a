import { PgBoss } from "pg-boss";
import { watchPostgres } from "./server-watch.ts";
import type { Contender } from "./stored-contender.ts";

const queue = "bench";

/**
 * Full batches follow each other without a pause, and a notification ends one. With one at a time its worker would pause after each, so that
 * a loop of its own calls `fetch` and `complete`.
 */
export const pgBoss: Contender = {
  name: "pg-boss",
  startsMany: true,
  url: import.meta.url,
  watch: watchPostgres(`SELECT count(*)::integer AS unfinished FROM pgboss.job WHERE name = '${queue}' AND state < 'completed'`),
  async open({ connectionString, concurrency, begun }) {
    const boss = new PgBoss({ connectionString, supervise: false, schedule: false, useListenNotify: true });
    boss.on("error", () => {});
    await boss.start();
    await boss.createQueue(queue, { notify: true });
    let stopped = false;
    let loop = Promise.resolve();
    const runOneByOne = async () => {
      while (!stopped) {
        const [job] = await boss.fetch<{ input: number }>(queue, { batchSize: 1 });
        if (job === undefined) continue;
        begun(job.data.input);
        await boss.complete(queue, job.id, { result: job.data.input });
      }
    };
    return {
      start: (input) => boss.send(queue, { input }),
      startMany: (inputs) =>
        boss.insert(
          queue,
          inputs.map((input) => ({ data: { input } })),
        ),
      async work() {
        if (concurrency === 1) {
          loop = runOneByOne();
          return;
        }
        const localConcurrency = concurrency >= 100 ? 2 : 1;
        const options = {
          batchSize: concurrency / localConcurrency,
          localConcurrency,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 0.5,
        };
        await boss.work<{ input: number }, unknown, typeof options & { perJobResults: true }>(
          queue,
          { ...options, perJobResults: true },
          async (jobs) =>
            jobs.map(({ id, data }) => {
              begun(data.input);
              return { id, status: "completed" as const, output: { result: data.input } };
            }),
        );
      },
      async close() {
        stopped = true;
        await loop;
        await boss.stop({ graceful: false, close: true });
      },
    };
  },
};
