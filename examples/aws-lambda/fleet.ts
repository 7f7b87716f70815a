import { createSqsQueue } from "../../src/adapters/aws/index.ts";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import type { ExecutionScope } from "../../src/index.ts";

const { DATABASE_URL, STORE_FILE = "reports.sqlite", SQS_ENDPOINT } = process.env;

/** What all functions have in common. Deployed, they share a Postgres; on one machine a file will do. */
export const fleet = {
  name: "reports",
  store:
    DATABASE_URL === undefined
      ? createSqliteStore({ filename: STORE_FILE })
      : createPostgresStore({ connectionString: DATABASE_URL, maxConnections: 2 }),
  // The template makes the queue, so that it can say what becomes of messages that nobody can read.
  queue: createSqsQueue({ create: false, ...(SQS_ENDPOINT !== undefined && { endpoint: SQS_ENDPOINT }) }),
};

export async function write({ title }: { title: string }, { restored, checkpoint, signal }: ExecutionScope): Promise<string> {
  for (let chapter = Number(restored ?? 0) + 1; chapter <= 10; chapter++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    signal.throwIfAborted();
    await checkpoint(chapter);
  }
  return `${title}, 10 chapters`;
}
