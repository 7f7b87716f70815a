/**
 * One client and two worker processes on one Redis: the workers share the work, and when one is killed, the other goes on with what it
 * had in hand. Takes the server of `REDIS_URL`, or starts one of its own for as long as it runs.
 */
import { startRedis } from "../../test/support/redis-server.ts";
import { runClient } from "../two-workers/client.ts";
import { openStore } from "./store.ts";

const server = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
const url = process.env.REDIS_URL ?? server?.url ?? "";
await runClient(openStore(url), new URL("worker.ts", import.meta.url), url);
await server?.remove();
