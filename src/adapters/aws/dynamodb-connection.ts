import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CoordinatorClosedError, InvalidOptionsError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { indexNames } from "../documents/document-table.ts";
import { RequestLimit } from "../documents/request-limit.ts";
import { type AwsAccess, toClientSettings } from "./aws-access.ts";
import type { DynamodbClientLike } from "./dynamodb-client.ts";
import { isTableMissing, isTableThere, toTableError } from "./dynamodb-errors.ts";
import { tableDefinition } from "./dynamodb-schema.ts";

export type DynamodbSdk = typeof import("@aws-sdk/client-dynamodb");

export interface DynamodbConnectionOptions extends AwsAccess {
  readonly table: string;
  readonly client: DynamodbClientLike | undefined;
  readonly create: boolean;
  readonly operationTimeoutMs: number;
  /** For time limits and pauses. */
  readonly timers: Clock;
}

type Send<Output> = (sdk: DynamodbSdk, client: DynamoDBClient, options: { abortSignal: AbortSignal }) => Promise<Output>;

/** Fewer than the connections that the SDK makes by default. */
const requestsAtOnce = 40;

/** A new table is not there at once. */
const lookMs = 100;
const createMs = 120_000;

/** Talks to the service: each call has a time limit, and rejects with `StoreUnavailableError` when nobody knows what became of it. */
export class DynamodbConnection {
  readonly #options: DynamodbConnectionOptions;
  readonly #closing = new AbortController();
  readonly #limit = new RequestLimit(requestsAtOnce);
  #loaded: Promise<{ sdk: DynamodbSdk; client: DynamodbClientLike }> | undefined;
  #ready: Promise<void> | undefined;

  constructor(options: DynamodbConnectionOptions) {
    this.#options = options;
  }

  /** On a table that is there. */
  async call<Output>(send: Send<Output>): Promise<Output> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
    return this.#limit.run(() => this.#send(send));
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#options.timers.setTimeout(resolve, delayMs));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const loaded = await this.#loaded?.catch(() => undefined);
    if (this.#options.client === undefined) loaded?.client.destroy();
  }

  async #prepare(): Promise<void> {
    const { table, create, timers } = this.#options;
    const deadline = timers.monotonicNow() + createMs;
    for (;;) {
      const found = await this.#describe();
      if (found === undefined) {
        if (!create)
          throw new InvalidOptionsError({
            field: "table",
            expected: "a table that is there, or create: true to have it made",
            received: table,
          });
        await this.#create();
      } else if (found.status === "ACTIVE" && indexNames.every((name) => found.indexes.get(name) === "ACTIVE")) return;
      else if (found.status === "ACTIVE" && !indexNames.every((name) => found.indexes.has(name))) {
        throw new InvalidOptionsError({ field: "table", expected: `a table with the indexes ${indexNames.join(", ")}`, received: table });
      }
      if (timers.monotonicNow() > deadline) throw new StoreUnavailableError(`DynamoDB: the table ${table} is not ready yet`);
      if (found !== undefined) await this.pause(lookMs);
    }
  }

  async #describe(): Promise<{ status: string; indexes: Map<string, string> } | undefined> {
    try {
      const { Table } = await this.#send((sdk, client, options) =>
        client.send(new sdk.DescribeTableCommand({ TableName: this.#options.table }), options),
      );
      const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(
        ({ IndexName = "", IndexStatus = "" }) => [IndexName, IndexStatus] as const,
      );
      return { status: Table?.TableStatus ?? "", indexes: new Map(indexes) };
    } catch (error) {
      if (isTableMissing(error)) return undefined;
      throw error;
    }
  }

  async #create(): Promise<void> {
    try {
      await this.#send((sdk, client, options) => client.send(new sdk.CreateTableCommand(tableDefinition(this.#options.table)), options));
    } catch (error) {
      if (!isTableThere(error)) throw error;
    }
  }

  /** The SDK repeats by itself what may be repeated, and pauses when the service is throttling; this limits how long it may take in all. */
  async #send<Output>(send: Send<Output>): Promise<Output> {
    const { timers, operationTimeoutMs } = this.#options;
    this.#assertOpen();
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    const { sdk, client } = await this.#loaded;
    this.#assertOpen();
    const over = new AbortController();
    return new Promise<Output>((resolve, reject) => {
      const end = (error: Error) => {
        reject(error);
        over.abort();
      };
      const late = () => end(new StoreUnavailableError(`DynamoDB gave no answer within ${operationTimeoutMs} ms`));
      const timer = timers.setTimeout(late, operationTimeoutMs);
      const closed = () => end(new StoreUnavailableError("the DynamoDB store was closed meanwhile"));
      this.#closing.signal.addEventListener("abort", closed, { once: true });
      send(sdk, client as DynamoDBClient, { abortSignal: over.signal })
        .then(resolve, (error: unknown) => reject(toTableError(error)))
        .finally(() => {
          timers.clearTimeout(timer);
          this.#closing.signal.removeEventListener("abort", closed);
        });
    });
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new CoordinatorClosedError("the DynamoDB store is closed");
  }

  async #load(): Promise<{ sdk: DynamodbSdk; client: DynamodbClientLike }> {
    let sdk: DynamodbSdk;
    try {
      sdk = await import("@aws-sdk/client-dynamodb");
    } catch (cause) {
      throw new MissingDependencyError({ packageName: "@aws-sdk/client-dynamodb", usedBy: "DynamoDB store", cause });
    }
    const { client = new sdk.DynamoDBClient(toClientSettings(this.#options)) } = this.#options;
    return { sdk, client };
  }
}
