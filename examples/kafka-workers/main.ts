/**
 * One client and two worker processes that hear of work through Kafka. Takes the brokers of `KAFKA_BROKERS` (host:port, several with commas), or
 * starts a mock of some for as long as it runs, where a C compiler and librdkafka are installed.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startKafka } from "../../test/support/kafka-server.ts";

const server = process.env.KAFKA_BROKERS === undefined ? await startKafka() : undefined;
const folder = mkdtempSync(join(tmpdir(), "photos-"));
process.env.KAFKA_BROKERS ??= server?.brokers.join(",") ?? "";
process.env.PHOTOS = join(folder, "photos.sqlite");
const { openPhotos } = await import("./photos.ts");
const { coordinator, close } = openPhotos("client");

const startWorker = (WORKER: string) => fork(fileURLToPath(new URL("worker.ts", import.meta.url)), { env: { ...process.env, WORKER } });
const workers = ["Ada", "Grace"].map(startWorker);
const ended = Promise.all(workers.map((worker) => once(worker, "exit")));

// Photos of one film share a partition, and come to the workers in this order.
const photos = Array.from({ length: 20 }, (_, index) => ({ input: `photo ${index + 1}`, options: { group: `film ${(index % 4) + 1}` } }));
const startedAt = Date.now();
const ids = await coordinator.startMany(photos);
// Kafka knows no delays and no priorities; the coordinator does.
const late = await coordinator.start("a late photo", { delayMs: 1_000 });

for (const id of ids) {
  const { photo, by } = await coordinator.waitFor(id);
  console.log(`${photo} was developed by ${by}`);
}
const { photo, at } = await coordinator.waitFor(late);
console.log(`${photo} was begun no sooner than it should: ${at - startedAt >= 1_000}`);
const { completed, failed } = await coordinator.counts();
console.log(`${completed} completed, ${failed} failed`);

for (const worker of workers) worker.kill("SIGTERM");
await ended;
await close();
await server?.remove();
rmSync(folder, { recursive: true });
