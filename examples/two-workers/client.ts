import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ExecutionStore } from "../../src/index.ts";
import { chapters, openReports } from "./reports.ts";

/** Starts two workers, that program with that url, and four reports; kills one of the workers, and tells what becomes of the reports. */
export async function runClient(store: ExecutionStore, workerProgram: URL, url: string): Promise<void> {
  const { coordinator, close } = openReports(store, "client");

  const startWorker = (WORKER: string) => fork(fileURLToPath(workerProgram), [url], { env: { ...process.env, WORKER } });
  const workers = { Ada: startWorker("Ada"), Grace: startWorker("Grace") };
  const ended = Promise.all(Object.values(workers).map((worker) => once(worker, "exit")));
  for (const [name, worker] of Object.entries(workers)) worker.on("message", (line) => console.log(`  ${name}: ${line}`));

  let writtenByAda = 0;
  workers.Ada.on("message", () => {
    writtenByAda += 1;
    if (writtenByAda < 3 || !workers.Ada.kill("SIGKILL")) return;
    console.log("Ada is killed");
    workers.Ada.removeAllListeners("message"); // what she had said before may still be on its way
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
}
