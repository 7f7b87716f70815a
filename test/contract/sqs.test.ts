import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe } from "vitest";
import { createSqsQueue, type SqsQueueOptions } from "../../src/adapters/aws/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { type SqsServer, startSqs } from "../support/sqs-server.ts";

let server: SqsServer;
let admin: SQSClient;
let worlds = 0;

beforeAll(async () => {
  server = await startSqs();
  admin = new SQSClient(server.access);
}, 60_000);
afterAll(async () => {
  admin?.destroy();
  await server?.remove();
}, 60_000);

/** Waits for real: the service keeps its own time. */
const passing = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function contractOf(options: SqsQueueOptions) {
  return executionQueueContract(async () => {
    worlds += 1;
    const opened: ExecutionQueue[] = [];
    const namePrefix = `world${worlds}-`;
    const open = () => {
      const queue = createSqsQueue({ ...server.access, namePrefix, ...options });
      opened.push(queue);
      return queue;
    };
    const queue = open();
    const ending = options.fifo ? ".fifo" : "";
    return {
      queue,
      openSecond: async () => open(),
      now: () => Date.now(),
      elapse: (ms) => passing(Math.max(ms, 5)),
      visibilityTimeoutMs: 2_000,
      publishRaw: async (name, raw) => {
        const place = options.fifo && { MessageGroupId: "raw", MessageDeduplicationId: raw };
        const QueueUrl = `${server.access.endpoint}/000000000000/${namePrefix}${name}${ending}`;
        await admin.send(new SendMessageCommand({ QueueUrl, MessageBody: raw, ...place }));
      },
      close: async () => {
        for (const each of opened) await each.close();
      },
    };
  });
}

describe("SQS queue", () => {
  contractAtOnce(contractOf({}));
});

describe("SQS queue, FIFO", () => {
  contractAtOnce(contractOf({ fifo: true }));
});
