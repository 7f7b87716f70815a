import { setTimeout as pause } from "node:timers/promises";
import { createDurableCoordinator, type ExecutionScope, type ExecutionStore } from "../../src/index.ts";

export const chapters = 4;

/** Writes a report chapter by chapter, and keeps by whom. Taken over from another worker, it goes on after the last chapter that was saved. */
async function writeReport(title: string, { signal, restored, checkpoint }: ExecutionScope): Promise<readonly string[]> {
  const writers = [...((restored as string[] | undefined) ?? [])];
  while (writers.length < chapters) {
    await pause(100, undefined, { signal });
    writers.push(process.env.WORKER ?? "nobody");
    await checkpoint(writers);
    process.send?.(`${title}, chapter ${writers.length} of ${chapters}`);
  }
  return writers;
}

/** The same in all processes but for its role: the client starts and asks, the workers do the work. */
export function openReports(store: ExecutionStore, role: "client" | "worker") {
  const coordinator = createDurableCoordinator({
    name: "reports",
    store,
    orchestrator: writeReport,
    role,
    maxConcurrent: 2, // of each worker
    leaseMs: 1_500, // short, so that the work of a killed worker is soon taken over
  });
  const close = async () => {
    await coordinator.close();
    await store.close();
  };
  return { coordinator, close };
}
