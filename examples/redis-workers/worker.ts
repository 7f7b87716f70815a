/** A worker process: claims what it has room for until it is asked to end, then gives back what it has in hand. Started by `main.ts`. */
import { once } from "node:events";
import { openReports } from "./reports.ts";

const { close } = openReports(process.argv[2] ?? "", "worker");
await once(process, "SIGTERM");
await close();
