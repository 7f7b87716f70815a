import { InvalidOptionsError } from "../../model/errors.ts";
import { MissingDependencyError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { doneUnless } from "../documents/done-unless.ts";
import { RequestLimit } from "../documents/request-limit.ts";
import { LazyResult } from "../lazy-result.ts";
import { ServiceCalls } from "../service-calls.ts";
import type { TableClientLike } from "./azure-table-client.ts";
import { isTableMissing, isTableThere, toTableError } from "./azure-table-errors.ts";

export interface TableConnectionOptions {
  readonly table: string;
  readonly connectionString: string | undefined;
  readonly client: TableClientLike | undefined;
  readonly create: boolean;
  readonly operationTimeoutMs: number;
  /** For time limits. */
  readonly timers: Clock;
}

type Send<Output> = (client: TableClientLike, options: { abortSignal: AbortSignal }) => Promise<Output>;

const requestsAtOnce = 40;

/** Talks to the service: each call has a time limit, and rejects with `StoreUnavailableError` when nobody knows what became of it. */
export class TableConnection {
  readonly #options: TableConnectionOptions;
  readonly #limit = new RequestLimit(requestsAtOnce);
  readonly #calls: ServiceCalls<TableClientLike>;
  readonly #ready = new LazyResult(() => this.#prepare());

  constructor(options: TableConnectionOptions) {
    const { operationTimeoutMs, timers } = options;
    this.#options = options;
    this.#calls = new ServiceCalls({
      ...{ service: "Azure Table Storage", usedBy: "Table Storage store", operationTimeoutMs, timers },
      load: () => this.#load(),
      toError: toTableError,
    });
  }

  /** On a table that is there. */
  async call<Output>(send: Send<Output>): Promise<Output> {
    await this.#ready.get();
    try {
      return await this.#limit.run(() => this.#calls.run(send));
    } catch (error) {
      if (!isTableMissing(error)) throw error;
      throw new InvalidOptionsError({ field: "table", expected: "a table that is there", received: this.#options.table });
    }
  }

  close(): void {
    void this.#calls.close();
  }

  async #prepare(): Promise<void> {
    if (!this.#options.create) return;
    await doneUnless(
      isTableThere,
      this.#calls.run((client, options) => client.createTable(options)),
    );
  }

  async #load(): Promise<TableClientLike> {
    const { client, connectionString = "", table } = this.#options;
    if (client !== undefined) return client;
    let sdk: typeof import("@azure/data-tables");
    try {
      sdk = await import("@azure/data-tables");
    } catch (cause) {
      throw new MissingDependencyError({ packageName: "@azure/data-tables", usedBy: "Table Storage store", cause });
    }
    return sdk.TableClient.fromConnectionString(connectionString, table, {
      // Of emulators; what is encrypted is told apart by its address.
      allowInsecureConnection: /TableEndpoint=http:|UseDevelopmentStorage=true|DefaultEndpointsProtocol=http(;|$)/i.test(connectionString),
      retryOptions: { maxRetries: 4, retryDelayInMs: 100, maxRetryDelayInMs: 2_000 },
    });
  }
}
