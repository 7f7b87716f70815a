import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { InvalidOptionsError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { indexNames } from "../documents/document-table.ts";
import { doneUnless } from "../documents/done-unless.ts";
import { RequestLimit } from "../documents/request-limit.ts";
import { LazyResult } from "../lazy-result.ts";
import { ServiceCalls } from "../service-calls.ts";
import { type AwsAccess, toClientSettings } from "./aws-access.ts";
import type { DynamodbClientLike } from "./dynamodb-client.ts";
import { isTableMissing, isTableThere, toTableError } from "./dynamodb-errors.ts";
import { tableDefinition } from "./dynamodb-schema.ts";

type Sdk = typeof import("@aws-sdk/client-dynamodb");

export interface DynamodbConnectionOptions extends AwsAccess {
  readonly table: string;
  readonly client: DynamodbClientLike | undefined;
  readonly create: boolean;
  readonly operationTimeoutMs: number;
  /** For time limits and pauses. */
  readonly timers: Clock;
}

type Send<Output> = (sdk: Sdk, client: DynamoDBClient, options: { abortSignal: AbortSignal }) => Promise<Output>;

/** Fewer than the connections that the SDK makes by default. */
const requestsAtOnce = 40;

/** A new table is not there at once. */
const lookMs = 100;
const createMs = 120_000;

/** Talks to the service: each call has a time limit, and rejects with `StoreUnavailableError` when nobody knows what became of it. */
export class DynamodbConnection {
  readonly #options: DynamodbConnectionOptions;
  readonly #limit = new RequestLimit(requestsAtOnce);
  readonly #calls: ServiceCalls<{ sdk: Sdk; client: DynamoDBClient }>;
  readonly #ready = new LazyResult(() => this.#prepare());

  constructor(options: DynamodbConnectionOptions) {
    const { operationTimeoutMs, timers } = options;
    this.#options = options;
    this.#calls = new ServiceCalls({
      ...{ service: "DynamoDB", usedBy: "DynamoDB store", operationTimeoutMs, timers },
      load: () => this.#load(),
      toError: toTableError,
    });
  }

  /** On a table that is there. */
  async call<Output>(send: Send<Output>): Promise<Output> {
    await this.#ready.get();
    return this.#limit.run(() => this.#send(send));
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#options.timers.setTimeout(resolve, delayMs));
  }

  async close(): Promise<void> {
    const loaded = await this.#calls.close();
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
    const definition = tableDefinition(this.#options.table);
    await doneUnless(
      isTableThere,
      this.#send((sdk, client, options) => client.send(new sdk.CreateTableCommand(definition), options)),
    );
  }

  #send<Output>(send: Send<Output>): Promise<Output> {
    return this.#calls.run(({ sdk, client }, options) => send(sdk, client, options));
  }

  async #load(): Promise<{ sdk: Sdk; client: DynamoDBClient }> {
    let sdk: Sdk;
    try {
      sdk = await import("@aws-sdk/client-dynamodb");
    } catch (cause) {
      throw new MissingDependencyError({ packageName: "@aws-sdk/client-dynamodb", usedBy: "DynamoDB store", cause });
    }
    const { client = new sdk.DynamoDBClient(toClientSettings(this.#options)) } = this.#options;
    return { sdk, client: client as DynamoDBClient };
  }
}
