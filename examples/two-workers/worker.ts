import { once } from "node:events";
import type { ExecutionStore } from "../../src/index.ts";
import { openReports } from "./reports.ts";

/** Claims what it has room for until its process is asked to end, then gives back what it has in hand. */
export async function runWorker(store: ExecutionStore): Promise<void> {
  const { close } = openReports(store, "worker");
  await once(process, "SIGTERM");
  await close();
}
