import { CoordinatorClosedError, InvalidOptionsError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
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

/** Talks to the service: each call has a time limit, and rejects with `StoreUnavailableError` when nobody knows what became of it. */
export class TableConnection {
  readonly #options: TableConnectionOptions;
  readonly #closing = new AbortController();
  #client: Promise<TableClientLike> | undefined;
  #ready: Promise<void> | undefined;

  constructor(options: TableConnectionOptions) {
    this.#options = options;
  }

  /** On a table that is there. */
  async call<Output>(send: Send<Output>): Promise<Output> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
    try {
      return await this.#send(send);
    } catch (error) {
      if (!isTableMissing(error)) throw error;
      throw new InvalidOptionsError({ field: "table", expected: "a table that is there", received: this.#options.table });
    }
  }

  close(): void {
    this.#closing.abort();
  }

  async #prepare(): Promise<void> {
    if (!this.#options.create) return;
    try {
      await this.#send((client, options) => client.createTable(options));
    } catch (error) {
      if (!isTableThere(error)) throw error;
    }
  }

  async #send<Output>(send: Send<Output>): Promise<Output> {
    const { timers, operationTimeoutMs } = this.#options;
    this.#assertOpen();
    this.#client ??= this.#load().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    const client = await this.#client;
    this.#assertOpen();
    const over = new AbortController();
    return new Promise<Output>((resolve, reject) => {
      const end = (error: Error) => {
        reject(error);
        over.abort();
      };
      const late = () => end(new StoreUnavailableError(`Azure Table Storage gave no answer within ${operationTimeoutMs} ms`));
      const timer = timers.setTimeout(late, operationTimeoutMs);
      const closed = () => end(new StoreUnavailableError("the Table Storage store was closed meanwhile"));
      this.#closing.signal.addEventListener("abort", closed, { once: true });
      send(client, { abortSignal: over.signal })
        .then(resolve, (error: unknown) => reject(toTableError(error)))
        .finally(() => {
          timers.clearTimeout(timer);
          this.#closing.signal.removeEventListener("abort", closed);
        });
    });
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new CoordinatorClosedError("the Table Storage store is closed");
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
