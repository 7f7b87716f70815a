import type { ExecutionStore } from "../../src/ports/execution-store.ts";

/** Which store to open, as one process tells another. */
export type StoreAddress =
  | { readonly kind: "sqlite"; readonly filename: string }
  | { readonly kind: "postgres"; readonly connectionString: string; readonly schema: string; readonly operationTimeoutMs?: number }
  | { readonly kind: "redis"; readonly url: string; readonly keyPrefix: string; readonly operationTimeoutMs?: number };

/** A store of this process at that address, with connections of its own. */
export async function openStore(address: StoreAddress): Promise<ExecutionStore> {
  if (address.kind === "sqlite") return (await import("../../src/adapters/sqlite/index.ts")).createSqliteStore(address);
  const { kind, ...options } = address;
  if (kind === "postgres") return (await import("../../src/adapters/postgres/index.ts")).createPostgresStore(options);
  return (await import("../../src/adapters/redis/index.ts")).createRedisStore(options);
}
