/**
 * One client and two worker processes: a SQLite file has the executions, RabbitMQ tells the workers of them. Takes the broker of
 * `RABBITMQ_URL`, or starts one of its own for as long as it runs.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startRabbitmq } from "../../test/support/rabbitmq-server.ts";
import { openLetters } from "./letters.ts";

const server = process.env.RABBITMQ_URL === undefined ? await startRabbitmq() : undefined;
const folder = mkdtempSync(join(tmpdir(), "letters-"));
const place = { broker: process.env.RABBITMQ_URL ?? server?.url ?? "", file: join(folder, "letters.sqlite") };
const { coordinator, close } = openLetters(place, "client");

const startWorker = (WORKER: string) =>
  fork(fileURLToPath(new URL("worker.ts", import.meta.url)), [JSON.stringify(place)], { env: { ...process.env, WORKER } });
const workers = { Ada: startWorker("Ada"), Grace: startWorker("Grace") };
const ended = Promise.all(Object.values(workers).map((worker) => once(worker, "exit")));
for (const [name, worker] of Object.entries(workers)) worker.on("message", (line) => console.log(`  ${name}: ${line}`));

const names = ["Alan", "Barbara", "Donald", "Edsger", "Frances", "John", "Kathleen", "Niklaus"];
const ids = await coordinator.startMany(names.map((input) => ({ input })));
for (const id of ids) console.log(await coordinator.waitFor(id));

const startedAt = Date.now();
console.log(await coordinator.waitFor(await coordinator.start("Tony", { delayMs: 1_000 })));
console.log(`after ${Date.now() - startedAt >= 1_000 ? "a second" : "too short a time"}`);

for (const worker of Object.values(workers)) worker.kill("SIGTERM");
await ended;
await close();
await server?.remove();
rmSync(folder, { recursive: true });
