import { ServiceBusClient } from "@azure/service-bus";
import { describe, it } from "vitest";
import { createServiceBusQueue, toServiceBusQueueName } from "../../src/adapters/azure/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { ServiceBusBroker } from "../support/service-bus-broker.ts";
import { socketsGone } from "../support/sockets-gone.ts";

describe.each([{ sessions: false }, { sessions: true }])("Service Bus queue, sessions: $sessions", ({ sessions }) => {
  const contract = executionQueueContract(async () => {
    const broker = await new ServiceBusBroker({ lockMs: 1_000 }).start();
    const opened: ExecutionQueue[] = [];
    const open = () => {
      const queue = createServiceBusQueue({ connectionString: broker.connectionString(), sessions });
      opened.push(queue);
      return queue;
    };
    return {
      queue: open(),
      openSecond: async () => open(),
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms === 0 ? 5 : ms)),
      async publishRaw(name, raw) {
        const client = new ServiceBusClient(broker.connectionString());
        const message = { body: Buffer.from(raw), ...(sessions && { sessionId: "somebody's" }) };
        await client.createSender(toServiceBusQueueName(name)).sendMessages(message);
        await client.close();
      },
      async close() {
        for (const queue of opened) await queue.close();
        await broker.close();
        await socketsGone();
      },
    };
  });
  for (const { name, run } of contract) it(name, run, 20_000);
});
