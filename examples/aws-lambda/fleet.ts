import { createDynamodbStore, createSqsQueue } from "../../src/adapters/aws/index.ts";
import type { ExecutionScope } from "../../src/index.ts";

/** What all functions have in common. The template makes the table and the queues. */
export const fleet = {
  name: "reports",
  store: createDynamodbStore({ table: "actorfleet-reports", create: false, ...emulator(process.env.DYNAMODB_ENDPOINT) }),
  queue: createSqsQueue({ create: false, ...emulator(process.env.SQS_ENDPOINT) }),
};

export async function write({ title }: { title: string }, { restored, checkpoint, signal }: ExecutionScope): Promise<string> {
  for (let chapter = Number(restored ?? 0) + 1; chapter <= 10; chapter++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    signal.throwIfAborted();
    await checkpoint(chapter);
  }
  return `${title}, 10 chapters`;
}

/** On one machine; deployed, the SDK finds the services by itself. */
function emulator(endpoint: string | undefined): { endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint };
}
