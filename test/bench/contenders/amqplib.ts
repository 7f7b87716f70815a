import { connect } from "amqplib";
import { toMessageText } from "../../../src/model/queue-message.ts";
import type { QueueContender } from "./queue-contender.ts";

/** What the protocol alone costs: the same messages through a quorum queue, with nothing around it. */
export const amqplibQuorum: QueueContender = {
  name: "amqplib, quorum queue",
  async open({ url, inFlight }) {
    const queue = "bench-raw";
    const connections = [await connect(url), await connect(url)] as const;
    const publishing = await connections[0].createConfirmChannel();
    const consuming = await connections[1].createChannel();
    await publishing.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await consuming.prefetch(inFlight);
    return {
      async publish(count, first) {
        for (let index = 0; index < count; index++) {
          const text = toMessageText({ name: "bench", executionId: `execution-${first + index}` });
          publishing.sendToQueue(queue, Buffer.from(text), { persistent: true });
        }
        await publishing.waitForConfirms();
      },
      consume(taken) {
        void consuming.consume(queue, (message) => {
          if (message === null) return;
          JSON.parse(message.content.toString());
          consuming.ack(message);
          taken();
        });
      },
      close: async () => {
        await consuming.close();
        await Promise.all(connections.map((connection) => connection.close()));
      },
    };
  },
};
