export type { PostgresClientLike, PostgresPoolClientLike, PostgresPoolLike, PostgresQuery } from "./postgres-client.ts";
export { createPostgresStore, type PostgresStoreOptions } from "./postgres-store.ts";
