import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import type { QueueWorld } from "../../src/testing/contract/execution-queue-contract.ts";
import type { StoreWorld } from "../../src/testing/contract/store-world.ts";
import { Opened } from "./opened.ts";

/** A world of stores over the same data. Its end closes those it has opened. */
export function storeWorld(open: () => ExecutionStore, elapse: (ms: number) => Promise<void>): StoreWorld {
  const opened = new Opened();
  const openOne = () => opened.add(open());
  return { store: openOne(), openSecond: async () => openOne(), elapse, close: () => opened.close() };
}

/** A world of queues at a broker that keeps its own time, so time passes for real. Its end closes those it has opened. */
export function brokerWorld(
  open: () => ExecutionQueue,
  visibilityTimeoutMs: number,
  publishRaw?: (name: string, raw: string) => Promise<void>,
): QueueWorld {
  const opened = new Opened();
  const openOne = () => opened.add(open());
  return {
    queue: openOne(),
    openSecond: async () => openOne(),
    visibilityTimeoutMs,
    now: () => Date.now(),
    elapse: (ms) => passing(Math.max(5, ms)),
    ...(publishRaw !== undefined && { publishRaw }),
    close: () => opened.close(),
  };
}

/** Waits for real. */
export function passing(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
