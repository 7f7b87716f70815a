import { Connection } from "rabbitmq-client";
import { afterAll, beforeAll, it } from "vitest";
import { rabbitmqNames } from "../../src/adapters/rabbitmq/rabbitmq-names.ts";
import { createRabbitmqQueue } from "../../src/adapters/rabbitmq/rabbitmq-queue.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract, type QueueWorld } from "../../src/testing/contract/execution-queue-contract.ts";
import { describeWithRabbitmq } from "../support/describe-with-rabbitmq.ts";
import { type RabbitmqServer, startRabbitmq } from "../support/rabbitmq-server.ts";

const startLimitMs = 120_000;
const limitMs = 60_000;

describeWithRabbitmq("RabbitMQ queue", () => {
  let server: RabbitmqServer;
  let prefixes = 0;
  beforeAll(async () => {
    server = await startRabbitmq();
  }, startLimitMs);
  afterAll(() => server?.remove(), 30_000);

  const contract = executionQueueContract(async () => openWorld(server, `test${++prefixes}`));
  for (const { name, run } of contract) it(name, run, limitMs);
});

async function openWorld(server: RabbitmqServer, namePrefix: string): Promise<QueueWorld> {
  const queues: ExecutionQueue[] = [];
  const open = () => {
    const queue = createRabbitmqQueue({ url: server.url, namePrefix });
    queues.push(queue);
    return queue;
  };
  return {
    queue: open(),
    openSecond: async () => open(),
    now: () => Date.now(),
    elapse: (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(5, ms))),
    publishRaw: (name, raw) => publishRaw(server, rabbitmqNames(namePrefix).work(name), raw),
    close: async () => {
      await Promise.all(queues.map((queue) => queue.close()));
    },
  };
}

/** As somebody else's program would. */
async function publishRaw({ url }: RabbitmqServer, queue: string, raw: string): Promise<void> {
  const connection = new Connection({ url });
  connection.on("error", () => {});
  const channel = await connection.acquire();
  await channel.confirmSelect();
  await channel.basicPublish({ routingKey: queue, durable: true }, raw);
  await channel.close();
  await connection.close();
}
