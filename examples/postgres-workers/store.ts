import { createPostgresStore } from "../../src/adapters/postgres/index.ts";

/** The same in all processes: it is where they meet. */
export const openStore = (connectionString: string) => createPostgresStore({ connectionString, schema: "actorfleet_example" });
