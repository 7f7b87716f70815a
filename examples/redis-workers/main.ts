/**
 * One client and two worker processes on one Redis: the workers share the work, and when one is killed, the other goes on with what it
 * had in hand. Takes the server of `REDIS_URL`, or starts one of its own for as long as it runs.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startRedis } from "../../test/support/redis-server.ts";
import { chapters, openReports } from "./reports.ts";

const server = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
const url = process.env.REDIS_URL ?? server?.url ?? "";
const { coordinator, close } = openReports(url, "client");

const startWorker = (WORKER: string) =>
  fork(fileURLToPath(new URL("worker.ts", import.meta.url)), [url], { env: { ...process.env, WORKER } });
const workers = { Ada: startWorker("Ada"), Grace: startWorker("Grace") };
const ended = Promise.all(Object.values(workers).map((worker) => once(worker, "exit")));
for (const [name, worker] of Object.entries(workers)) worker.on("message", (line) => console.log(`  ${name}: ${line}`));

let writtenByAda = 0;
workers.Ada.on("message", () => {
  writtenByAda += 1;
  if (writtenByAda === 3 && workers.Ada.kill("SIGKILL")) console.log("Ada is killed");
});

const titles = ["Sales", "Costs", "Staff", "Stock"];
const ids = await coordinator.startMany(titles.map((input) => ({ input })));
for (const [index, id] of ids.entries()) {
  const writers = await coordinator.waitFor(id);
  const { takeovers = 0 } = (await coordinator.getStatus(id)) ?? {};
  console.log(`${titles[index]}: ${writers.length} of ${chapters} chapters, by ${writers.join(", ")}; taken over ${takeovers} times`);
}

for (const worker of Object.values(workers)) worker.kill("SIGTERM");
await ended;
await close();
await server?.remove();
