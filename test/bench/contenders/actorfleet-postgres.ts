import { createPostgresStore } from "../../../src/adapters/postgres/index.ts";
import { createDurableCoordinator } from "../../../src/index.ts";
import type { StoredContender } from "./stored-contender.ts";

export const actorfleetPostgres: StoredContender = {
  name: "actorfleet",
  startsMany: true,
  unfinishedSql: `SELECT count(*)::integer AS unfinished FROM actorfleet.executions WHERE "name" = 'bench' AND "status" IN ('queued', 'running') AND "completedAt" IS NULL`,
  async open({ connectionString, concurrency, begun }) {
    const store = createPostgresStore({ connectionString });
    const coordinator = createDurableCoordinator({
      name: "bench",
      store,
      maxConcurrent: concurrency,
      orchestrator: async (input: number) => {
        begun(input);
        return input;
      },
    });
    coordinator.pause();
    await coordinator.counts();
    return {
      start: (input) => coordinator.start(input),
      startMany: (inputs) => coordinator.startMany(inputs.map((input) => ({ input }))),
      work: async () => coordinator.resume(),
      async close() {
        await coordinator.close();
        await store.close();
      },
    };
  },
};
