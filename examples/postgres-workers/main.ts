/**
 * One client and two worker processes on one Postgres: the workers share the work, and when one is killed, the other goes on with what it
 * had in hand. Takes the server of `DATABASE_URL`, or starts one of its own for as long as it runs.
 */
import { startPostgres } from "../../test/support/postgres-server.ts";
import { runClient } from "../two-workers/client.ts";
import { openStore } from "./store.ts";

const server = process.env.DATABASE_URL === undefined ? await startPostgres() : undefined;
const url = process.env.DATABASE_URL ?? server?.connectionString ?? "";
await runClient(openStore(url), new URL("worker.ts", import.meta.url), url);
await server?.remove();
