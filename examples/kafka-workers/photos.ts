import { setTimeout as pause } from "node:timers/promises";
import { createKafkaQueue } from "../../src/adapters/kafka/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, type ExecutionScope } from "../../src/index.ts";

/** Stands for work that takes a while. */
async function developPhoto(photo: string, { signal }: ExecutionScope): Promise<{ photo: string; by: string; at: number }> {
  const at = Date.now();
  await pause(100, undefined, { signal });
  return { photo, by: process.env.WORKER ?? "nobody", at };
}

/**
 * The same in all processes but for its role. Records are in one file here, as all processes are on one machine; several machines would share
 * a Postgres. Kafka only tells workers that there is work: whatever happens to its messages, each photo is developed.
 */
export function openPhotos(role: "client" | "worker") {
  const { KAFKA_BROKERS = "", PHOTOS = "" } = process.env;
  const store = createSqliteStore({ filename: PHOTOS });
  const queue = createKafkaQueue({
    brokers: KAFKA_BROKERS.split(","),
    namePrefix: "example",
    topics: "auto", // the brokers make what is missing; "create" would ask them to, with 12 partitions
    sessionTimeoutMs: 6_000, // short, so that what a killed worker had is soon somebody else's
  });
  const coordinator = createDurableCoordinator({ name: "photos", store, queue, orchestrator: developPhoto, role, maxConcurrent: 2 });
  const close = async () => {
    await coordinator.close();
    await queue.close();
    await store.close();
  };
  return { coordinator, close };
}
