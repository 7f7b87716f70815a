import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";

/** Which queue to open, as one process tells another. */
export type QueueAddress =
  | { readonly kind: "rabbitmq"; readonly url: string; readonly namePrefix: string; readonly operationTimeoutMs?: number }
  | { readonly kind: "redis"; readonly url: string; readonly keyPrefix: string; readonly operationTimeoutMs?: number };

/** A queue of this process at that address, with connections of its own. */
export async function openQueue(address: QueueAddress): Promise<ExecutionQueue> {
  if (address.kind === "rabbitmq") {
    const { kind: _, ...options } = address;
    return (await import("../../src/adapters/rabbitmq/index.ts")).createRabbitmqQueue(options);
  }
  const { kind: _, ...options } = address;
  return (await import("../../src/adapters/redis/index.ts")).createRedisQueue(options);
}
