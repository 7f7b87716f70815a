import { createSystemClock } from "../../core/system-clock.ts";
import * as check from "../../model/option-check.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import { createDocumentStore } from "../documents/document-store.ts";
import { identity } from "./aws-access.ts";
import type { DynamodbClientLike, DynamodbCredentials } from "./dynamodb-client.ts";
import { DynamodbConnection } from "./dynamodb-connection.ts";
import { createDynamodbTable } from "./dynamodb-table.ts";

/** How a store on DynamoDB works. Without `client` it makes and closes its own; what is not said here comes from the environment, as the SDK reads it. */
export interface DynamodbStoreOptions {
  /** Its name; several coordinators may share one. Default `actorfleet`. */
  table?: string;
  /** A `DynamoDBClient` of `@aws-sdk/client-dynamodb` that stays the caller's. */
  client?: DynamodbClientLike;
  region?: string;
  /** Of the service, such as an emulator's. */
  endpoint?: string;
  credentials?: DynamodbCredentials;
  /** A table that is missing is created with its indexes, paid by request; false where that is done elsewhere. Default true. */
  create?: boolean;
  /** How long a request may take, its repetitions included, before the call rejects with `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** How often a process that watches looks for what others have written, at the cost of a read; 500. */
  noticeDelayMs?: number;
  /** Its time is the store's: the service has none that conditions could use, so the clocks of all workers should agree. The system's. */
  clock?: Clock;
}

const tableName = check.either("3 to 255 letters, digits and _ . -", (value, field) => {
  if (typeof value !== "string" || !/^[\w.-]{3,255}$/.test(value)) throw new TypeError(field);
});

/**
 * A store in a table of Amazon DynamoDB. The first call creates the table where it is missing.
 *
 * @example
 * ```ts
 * const store = createDynamodbStore({ table: "executions", region: "eu-central-1" });
 * const coordinator = createDurableCoordinator({ name: "reports", store, orchestrator });
 * ```
 * @throws {InvalidOptionsError}
 */
export function createDynamodbStore(options: DynamodbStoreOptions = {}): ExecutionStore {
  check.fields({
    table: tableName,
    client: check.having("send", "destroy"),
    region: check.text,
    endpoint: check.text,
    credentials: identity,
    create: check.flag,
    operationTimeoutMs: check.wholeNumber(1),
    noticeDelayMs: check.wholeNumber(1),
    clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
  })(options, "options");
  const { table = "actorfleet", client, region, endpoint, credentials, create = true } = options;
  const { operationTimeoutMs = 10_000, noticeDelayMs = 500, clock = createSystemClock() } = options;
  const timers = createSystemClock();
  const connection = new DynamodbConnection({ table, client, region, endpoint, credentials, create, operationTimeoutMs, timers });
  return createDocumentStore({
    table: createDynamodbTable(connection, table),
    clock,
    noticeDelayMs,
    requestsAtOnce: 32,
    durability: "power",
  });
}
