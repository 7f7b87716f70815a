import { setImmediate } from "node:timers/promises";

/** Collects twice, with a turn of the event loop between, so that what only a pending callback held is gone too. */
export async function collectGarbage(): Promise<void> {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc: npm run bench -- <name>");
  globalThis.gc();
  await setImmediate();
  globalThis.gc();
}

/** Bytes of the heap that are in use when all garbage is gone. */
export async function liveHeap(): Promise<number> {
  await collectGarbage();
  return process.memoryUsage().heapUsed;
}
