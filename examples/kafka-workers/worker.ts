/** A worker process: a member of the consumer group that shares the work, until it is asked to end. Started by `main.ts`. */
import { once } from "node:events";
import { openPhotos } from "./photos.ts";

const { close } = openPhotos("worker");
await once(process, "SIGTERM");
await close();
