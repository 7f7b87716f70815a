import { setTimeout as pause } from "node:timers/promises";
import { createRabbitmqQueue } from "../../src/adapters/rabbitmq/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, type ExecutionScope } from "../../src/index.ts";

export interface Place {
  readonly broker: string;
  readonly file: string;
}

/** Writes a letter, and says who has. */
async function writeLetter(to: string, { signal }: ExecutionScope): Promise<string> {
  await pause(200, undefined, { signal });
  process.send?.(`a letter to ${to}`);
  return `a letter to ${to}, written by ${process.env.WORKER}`;
}

/** The store has the letters, RabbitMQ tells the workers of them. Between machines the store is Postgres or Redis, and nothing else changes. */
export function openLetters({ broker, file }: Place, role: "client" | "worker") {
  const store = createSqliteStore({ filename: file });
  const queue = createRabbitmqQueue({ url: broker });
  const coordinator = createDurableCoordinator({
    name: "letters",
    store,
    queue,
    orchestrator: writeLetter,
    role,
    maxConcurrent: 2, // of each worker: it keeps no more messages on loan than it has room for
  });
  const close = async () => {
    await coordinator.close();
    await queue.close();
    await store.close();
  };
  return { coordinator, close };
}
