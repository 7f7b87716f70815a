import { createRabbitmqQueue } from "../../../src/adapters/rabbitmq/index.ts";
import type { QueueContender } from "./queue-contender.ts";

/** Two queues, as a client and a worker would have them. */
export const actorfleetRabbitmq: QueueContender = {
  name: "createRabbitmqQueue",
  async open({ url, inFlight }) {
    const queues = [createRabbitmqQueue({ url }), createRabbitmqQueue({ url })] as const;
    const name = "bench";
    return {
      async publish(count, first) {
        const reports = await queues[0].publish(
          Array.from({ length: count }, (_, index) => ({ name, executionId: `execution-${first + index}` })),
        );
        if (!reports.every(({ published }) => published)) throw new Error("a message was not published");
      },
      consume(taken) {
        void queues[1].consume({ name, maxInFlight: inFlight, visibilityTimeoutMs: 60_000 }, (delivery) => void delivery.ack().then(taken));
      },
      close: async () => {
        await Promise.all(queues.map((queue) => queue.close()));
      },
    };
  },
};
