import { DBOS } from "@dbos-inc/dbos-sdk";
import { watchPostgres } from "./server-watch.ts";
import type { Contender } from "./stored-contender.ts";

const noLog = () => {};
const silent = { info: noLog, debug: noLog, warn: noLog, error: noLog };

let begunBy: (input: number) => void = () => {};
const workflow = DBOS.registerWorkflow(
  async (input: number) => {
    begunBy(input);
    return input;
  },
  { name: "bench" },
);
const steps = DBOS.registerWorkflow(
  async (input: number) => {
    begunBy(input);
    for (let step = 1; step <= 5; step++) await DBOS.runStep(async () => step, { name: `step${step}` });
    return input;
  },
  { name: "steps" },
);

/** Runs at once what it starts, as many as there are callers: nothing is queued, which is its fastest way. One process has one of them. */
function dbosRunning(name: string, run: typeof workflow, pollingMs?: number): Contender {
  return {
    name,
    startsMany: false,
    url: import.meta.url,
    watch: watchPostgres("SELECT count(*)::integer AS unfinished FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"),
    async open({ connectionString, begun }) {
      begunBy = begun;
      DBOS.setConfig({ name: "bench", systemDatabaseUrl: connectionString, systemDatabasePoolSize: 20, logger: silent });
      await DBOS.launch();
      if (pollingMs !== undefined) await DBOS.registerQueue("bench", { minPollingIntervalMs: pollingMs });
      return {
        async start(input) {
          if (pollingMs !== undefined) return DBOS.startWorkflow(run, { queueName: "bench" })(input);
          const handle = await DBOS.startWorkflow(run)(input);
          return handle.getResult();
        },
        startMany: () => Promise.reject(new Error("DBOS starts one by one")),
        work: async () => {},
        close: () => DBOS.shutdown(),
      };
    },
  };
}

export const dbos = dbosRunning("DBOS", workflow);
export const dbosSteps = dbosRunning("DBOS, workflow of 5 steps", steps);
/** With a queue, so that another process may run it, as with the others. */
export const dbosQueue = dbosRunning("DBOS, polled every 50 ms", workflow, 50);
