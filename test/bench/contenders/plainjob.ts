import Database from "better-sqlite3";
import { better, defineQueue, defineWorker } from "plainjob";
import type { FileContender } from "./file-contender.ts";

const silent = { error() {}, warn() {}, info() {}, debug() {} };
/** A worker that found nothing looks again after so long. Its default is a second. */
const pollMs = 5;

/** It keeps when a job was added, and neither its result nor when it ran. */
export const plainjob: FileContender = {
  name: "plainjob",
  url: import.meta.url,
  async open({ filename, synchronous, concurrency, begun, ended }) {
    const database = new Database(filename);
    const queue = defineQueue({ connection: better(database), logger: silent });
    // After the queue, which sets it to NORMAL.
    database.pragma(`synchronous = ${synchronous}`);
    const workers = Array.from({ length: concurrency }, () =>
      defineWorker("bench", async ({ data }) => begun(JSON.parse(data)), {
        ...{ queue, logger: silent, pollIntervall: pollMs },
        onCompleted: ended,
      }),
    );
    return {
      start: async (input) => queue.add("bench", input),
      startMany: async (inputs) => queue.addMany("bench", [...inputs]),
      work() {
        for (const worker of workers) void worker.start();
      },
      async close() {
        await Promise.all(workers.map((worker) => worker.stop()));
        queue.close();
      },
    };
  },
};
