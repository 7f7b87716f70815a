import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createKafkaQueue } from "../../src/adapters/kafka/index.ts";

interface Consuming {
  readonly brokers: readonly string[];
  readonly namePrefix: string;
  readonly name: string;
  readonly sessionTimeoutMs: number;
  /** So many messages are acknowledged, and no later ones. */
  readonly acknowledges: number;
  readonly holds: number;
}

/** Another process consumes until it has acknowledged and holds as many as it should; resolves with the ids of both, and with the process. */
export async function consumeInProcess(consuming: Consuming): Promise<{ acknowledged: string[]; held: string[]; process: ChildProcess }> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(consuming)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the consuming process ended with ${code}`);
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended]);
  ended.catch(() => {});
  return { ...JSON.parse(line as string), process: child };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { name, acknowledges, holds, ...options } = JSON.parse(process.argv[2] as string) as Consuming;
  const queue = createKafkaQueue({ ...options, topics: "auto", operationTimeoutMs: 60_000 });
  const acknowledged: string[] = [];
  const held: string[] = [];
  const acks: Promise<void>[] = [];
  await queue.consume({ name, visibilityTimeoutMs: 60_000, maxInFlight: holds }, async (delivery) => {
    const id = delivery.message?.executionId as string;
    if (acknowledged.length < acknowledges) {
      acknowledged.push(id);
      acks.push(delivery.ack());
    } else held.push(id);
    if (held.length < holds) return;
    await Promise.all(acks);
    process.stdout.write(`${JSON.stringify({ acknowledged, held })}\n`);
  });
}
