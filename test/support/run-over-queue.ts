import { createMemoryData, createMemoryStore } from "../../src/adapters/memory/index.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";

/** What became of executions that two workers of a client ran, told of each by a queue of its own. */
export interface RunOverQueue {
  /** How often each execution was run, in the order of their starts. */
  readonly runs: readonly number[];
  readonly completed: number;
  /** How many each worker has run. */
  readonly shares: readonly number[];
}

/** Starts `count` executions and resolves when all have ended. Workers look into the store only when `pollMs` are over. */
export async function runOverQueue(
  openQueue: () => ExecutionQueue,
  { count, pollMs = 60_000, midway }: { count: number; pollMs?: number; midway?: () => Promise<void> | void },
): Promise<RunOverQueue> {
  const data = createMemoryData();
  const runs = Array.from({ length: count }, () => 0);
  const queues = [openQueue(), openQueue(), openQueue()];
  const shares = [0, 0];
  const open = (role: "client" | "worker", index: number) =>
    createDurableCoordinator({
      ...{ name: "Everybody's reports", store: createMemoryStore({ data }), queue: queues[index] as ExecutionQueue, role, pollMs },
      maxConcurrent: 5,
      orchestrator: async (at: number) => {
        runs[at] = (runs[at] ?? 0) + 1;
        shares[index] = (shares[index] ?? 0) + 1;
      },
    });
  const workers = [open("worker", 0), open("worker", 1)];
  const client = open("client", 2);
  try {
    const ids = await client.startMany(runs.map((_, at) => ({ input: at })));
    await midway?.();
    await Promise.all(ids.map((id) => client.waitFor(id)));
    return { runs, completed: (await client.counts()).completed, shares };
  } finally {
    for (const coordinator of [client, ...workers]) await coordinator.close();
    for (const queue of queues) await queue.close();
  }
}
