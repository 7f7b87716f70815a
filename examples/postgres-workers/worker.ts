/** A worker process, started by `main.ts`. */
import { runWorker } from "../two-workers/worker.ts";
import { openStore } from "./store.ts";

await runWorker(openStore(process.argv[2] ?? ""));
