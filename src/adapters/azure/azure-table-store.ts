import { createSystemClock } from "../../core/system-clock.ts";
import { InvalidOptionsError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import { createDocumentStore } from "../documents/document-store.ts";
import { createAzureTable } from "./azure-table.ts";
import type { TableClientLike } from "./azure-table-client.ts";
import { TableConnection } from "./azure-table-connection.ts";

/** How a store on Azure Table Storage works. */
export interface TableStoreOptions {
  /** Of the storage account; the store makes its own client, with the `@azure/data-tables` package. */
  connectionString?: string;
  /** Instead: a `TableClient` of `@azure/data-tables` that stays the caller's, such as one with a managed identity. Its table is the store's. */
  client?: TableClientLike;
  /** Its name, with a connection string; several coordinators may share one. Default `actorfleet`. */
  table?: string;
  /** A table that is missing is created; false where that is done elsewhere. Default true. */
  create?: boolean;
  /** How long a request may take, its repetitions included, before the call rejects with `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** How often a process that watches looks for what others have written, at the cost of two reads; 500. */
  noticeDelayMs?: number;
  /** Its time is the store's: the service has none that conditions could use, so the clocks of all workers should agree. The system's. */
  clock?: Clock;
}

const tableName = check.either("3 to 63 letters and digits, a letter first", (value, field) => {
  if (typeof value !== "string" || !/^[A-Za-z][A-Za-z0-9]{2,62}$/.test(value)) throw new TypeError(field);
});

/**
 * A store in a table of Azure Table Storage. The first call creates the table where it is missing.
 *
 * @example
 * ```ts
 * const store = createTableStore({ connectionString });
 * const coordinator = createDurableCoordinator({ name: "reports", store, orchestrator });
 * ```
 * @throws {InvalidOptionsError}
 */
export function createTableStore(options: TableStoreOptions): ExecutionStore {
  check.fields({
    connectionString: check.text,
    client: check.having("getEntity", "createEntity", "updateEntity", "deleteEntity", "submitTransaction", "listEntities"),
    table: tableName,
    create: check.flag,
    operationTimeoutMs: check.wholeNumber(1),
    noticeDelayMs: check.wholeNumber(1),
    clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
  })(options, "options");
  const { connectionString, client, table = "actorfleet", create = true, operationTimeoutMs = 10_000 } = options;
  const { noticeDelayMs = 500, clock = createSystemClock() } = options;
  if ((connectionString === undefined) === (client === undefined))
    throw new InvalidOptionsError({
      field: "connectionString",
      expected: "a connection string or a client, one of them",
      // It holds a key, and is not shown.
      received: undefined,
    });
  const timers = createSystemClock();
  const connection = new TableConnection({ table, connectionString, client, create, operationTimeoutMs, timers });
  return createDocumentStore({
    table: createAzureTable(connection, table, clock, timers),
    clock,
    noticeDelayMs,
    requestsAtOnce: 20,
    durability: "power",
  });
}
