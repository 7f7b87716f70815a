import type { PutAsideMessage } from "../../ports/execution-queue.ts";
import type { RabbitmqMessage } from "./rabbitmq-client.ts";
import type { RabbitmqConnection } from "./rabbitmq-connection.ts";
import { rawOf } from "./rabbitmq-delivery.ts";
import type { RabbitmqNames } from "./rabbitmq-names.ts";
import { reasonHeader } from "./rabbitmq-publisher.ts";
import { RabbitmqTopology } from "./rabbitmq-topology.ts";

/** Messages that are given back come after those that were not taken: only if all are, they stay in order. */
const mostTaken = 10_000;

/** Takes the messages that were put aside and gives them back: there is no other way to look at them. */
export async function listRabbitmqAside(
  connection: RabbitmqConnection,
  names: RabbitmqNames,
  name: string,
  limit: number,
): Promise<readonly PutAsideMessage[]> {
  const channel = await connection.channel();
  const look = async () => {
    await new RabbitmqTopology(channel, names).work(name);
    const queue = names.aside(name);
    const found: RabbitmqMessage[] = [];
    while (found.length < mostTaken) {
      const message = await channel.basicGet({ queue });
      if (message === undefined) break;
      found.push(message);
    }
    const last = found.at(-1);
    if (last !== undefined) channel.basicNack({ deliveryTag: last.deliveryTag, requeue: true, multiple: true });
    // Answered after what was said before: whoever looks next finds them all.
    await channel.queueDeclare({ queue, passive: true });
    return found.slice(0, limit).map(({ body, headers = {} }) => ({ raw: rawOf(body), reason: reasonOf(headers) }));
  };
  try {
    return await connection.inTime(look());
  } finally {
    void channel.close().catch(() => {});
  }
}

/** Ours, or why the broker took it out of circulation by itself. */
function reasonOf(headers: Record<string, unknown>): string {
  const [death] = (headers["x-death"] ?? []) as readonly { reason?: unknown }[];
  return String(headers[reasonHeader] ?? death?.reason ?? "unknown");
}
