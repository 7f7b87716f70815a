import { Queue, Worker } from "bullmq";
import { watchRedis } from "./server-watch.ts";
import type { Contender } from "./stored-contender.ts";

const name = "bench";

/** Jobs and their results are kept, as the other does. */
export const bullmq: Contender = {
  name: "BullMQ",
  startsMany: true,
  url: import.meta.url,
  watch: watchRedis(async (admin) => {
    const [waiting, active] = await Promise.all([admin.llen(`bull:${name}:wait`), admin.llen(`bull:${name}:active`)]);
    return waiting + active;
  }),
  async open({ connectionString, concurrency, begun }) {
    const connection = { url: connectionString, maxRetriesPerRequest: null };
    const queue = new Queue<number>(name, { connection });
    queue.on("error", () => {});
    await queue.waitUntilReady();
    let worker: Worker<number, number> | undefined;
    return {
      start: (input) => queue.add("work", input),
      startMany: (inputs) => queue.addBulk(inputs.map((data) => ({ name: "work", data }))),
      async work() {
        worker = new Worker<number, number>(
          name,
          async ({ data }) => {
            begun(data);
            return data;
          },
          { connection, concurrency },
        );
        worker.on("error", () => {});
        await worker.waitUntilReady();
      },
      async close() {
        await worker?.close();
        await queue.close();
      },
    };
  },
};
