import type { ExecutionStore } from "../../src/ports/execution-store.ts";

/** Which store to open, as one process tells another. */
export type StoreAddress =
  | { readonly kind: "sqlite"; readonly filename: string }
  | { readonly kind: "postgres"; readonly connectionString: string; readonly schema: string; readonly operationTimeoutMs?: number }
  | { readonly kind: "redis"; readonly url: string; readonly keyPrefix: string; readonly operationTimeoutMs?: number }
  | { readonly kind: "dynamodb"; readonly endpoint: string; readonly table: string }
  | { readonly kind: "azure-table"; readonly connectionString: string; readonly table: string };

/** A store of this process at that address, with connections of its own. */
export async function openStore(address: StoreAddress): Promise<ExecutionStore> {
  switch (address.kind) {
    case "sqlite":
      return (await import("../../src/adapters/sqlite/index.ts")).createSqliteStore({ filename: address.filename });
    case "postgres": {
      const { kind: _, ...options } = address;
      return (await import("../../src/adapters/postgres/index.ts")).createPostgresStore(options);
    }
    case "redis": {
      const { kind: _, ...options } = address;
      return (await import("../../src/adapters/redis/index.ts")).createRedisStore(options);
    }
    case "dynamodb": {
      const { endpoint, table } = address;
      const credentials = { accessKeyId: "local", secretAccessKey: "local" };
      return (await import("../../src/adapters/aws/index.ts")).createDynamodbStore({ endpoint, table, region: "local", credentials });
    }
    case "azure-table": {
      const { connectionString, table } = address;
      return (await import("../../src/adapters/azure/index.ts")).createTableStore({ connectionString, table });
    }
  }
}
