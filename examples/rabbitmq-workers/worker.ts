/** A worker process: runs what RabbitMQ tells it of until it is asked to end. Started by `main.ts`. */
import { once } from "node:events";
import { openLetters, type Place } from "./letters.ts";

const { close } = openLetters(JSON.parse(process.argv[2] ?? "") as Place, "worker");
await once(process, "SIGTERM");
await close();
