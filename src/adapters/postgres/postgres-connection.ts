import { CoordinatorClosedError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  type PostgresClientLike,
  type PostgresPoolClientLike,
  type PostgresPoolLike,
  type PostgresQuery,
  postgresTypes,
} from "./postgres-client.ts";
import { isCollision, toStoreError } from "./postgres-errors.ts";
import { migratePostgres, type PostgresNames } from "./postgres-migrations.ts";

export interface PostgresConnectionOptions {
  readonly connectionString: string | undefined;
  readonly pool: PostgresPoolLike | undefined;
  readonly maxConnections: number;
  readonly operationTimeoutMs: number;
  readonly preparedStatements: boolean;
  readonly names: PostgresNames;
  readonly clock: Clock;
}

/** Statements on a pool whose schema is up to date. An answer that does not come in time is given up together with its connection. */
export class PostgresConnection {
  readonly names: PostgresNames;
  readonly #options: PostgresConnectionOptions;
  #pool: Promise<PostgresPoolLike> | undefined;
  #ready: Promise<void> | undefined;
  #closed = false;
  readonly #texts = new Map<string, string>();

  constructor(options: PostgresConnectionOptions) {
    this.#options = options;
    this.names = options.names;
  }

  /** Rows of one statement; `on` is the caller's own client. */
  async query<Row>(text: string, values: unknown[], on?: PostgresClientLike): Promise<Row[]> {
    await this.ready();
    const query = { text: this.#sql(text), values, types: postgresTypes };
    if (on !== undefined) return (await on.query(query)).rows as Row[];
    return (await this.#repeated(query)) as Row[];
  }

  /** Rows as arrays of one statement that is needed often: `what` is its name for the server, which keeps it prepared. */
  async rows<Row>(what: string, text: string, values: unknown[]): Promise<Row[]> {
    await this.ready();
    const query: PostgresQuery = { text: this.#sql(text), values, types: postgresTypes, rowMode: "array" };
    if (this.#options.preparedStatements) query.name = `${this.names.schema} ${what}`;
    return (await this.#repeated(query)) as Row[];
  }

  #sql(text: string): string {
    let sql = this.#texts.get(text);
    if (sql === undefined) {
      sql = this.names.sql(text);
      this.#texts.set(text, sql);
    }
    return sql;
  }

  async #repeated(query: PostgresQuery): Promise<unknown[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#withClient(async (client) => (await client.query(query)).rows);
      } catch (error) {
        if (!isCollision(error) || attempt === 5) throw toStoreError(error);
      }
    }
  }

  /** Resolves once the schema is what this version of the library needs; after a failure the next call tries again. */
  ready(): Promise<void> {
    if (this.#closed) return Promise.reject(new CoordinatorClosedError("the Postgres store is closed"));
    this.#ready ??= this.#withClient((client) => migratePostgres(client, this.names)).catch((error: unknown) => {
      this.#ready = undefined;
      throw toStoreError(error);
    });
    return this.#ready;
  }

  /** A connection of one's own, to be released by the caller. */
  async connect(): Promise<PostgresPoolClientLike> {
    this.#pool ??= this.#openPool();
    const pool = await this.#pool;
    const connecting = pool.connect();
    return this.inTime(connecting, () => void connecting.then((client) => client.release(true)).catch(() => {}));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const pool = await this.#pool;
    if (this.#options.pool === undefined) await pool?.end();
    else pool?.removeListener?.("connect", guardConnection);
  }

  async #withClient<Result>(work: (client: PostgresClientLike) => Promise<Result>): Promise<Result> {
    const client = await this.connect();
    let broken: Error | undefined;
    const noteError = (error: Error) => {
      broken = error;
    };
    client.on("error", noteError as never);
    try {
      return await this.inTime(work(client), () => {
        broken = new Error("no answer in time");
      });
    } catch (error) {
      // Whatever the server has said, it has said; without a code it may still be talking.
      if ((error as { severity?: unknown }).severity === undefined) broken ??= error as Error;
      throw error;
    } finally {
      client.removeListener("error", noteError as never);
      client.release(broken);
    }
  }

  /** Rejects with `StoreUnavailableError`, after `late`, when it takes too long. */
  inTime<Result>(work: Promise<Result>, late: () => void = () => {}): Promise<Result> {
    const { clock, operationTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        late();
        reject(new StoreUnavailableError(`Postgres gave no answer within ${operationTimeoutMs} ms`));
      }, operationTimeoutMs);
      work.then(resolve, reject).finally(() => clock.clearTimeout(timer));
    });
  }

  async #openPool(): Promise<PostgresPoolLike> {
    if (this.#options.pool !== undefined) {
      this.#options.pool.on?.("connect", guardConnection);
      return this.#options.pool;
    }
    let pg: typeof import("pg").default;
    try {
      pg = (await import("pg")).default;
    } catch (cause) {
      this.#pool = undefined;
      throw new MissingDependencyError({ packageName: "pg", usedBy: "Postgres store", cause });
    }
    const { connectionString, maxConnections, operationTimeoutMs } = this.#options;
    // Without a limit a connection whose other end never answers takes its place in the pool for ever.
    const limits = { max: maxConnections, connectionTimeoutMillis: operationTimeoutMs };
    const pool = new pg.Pool({ connectionString, ...limits, keepAlive: true, allowExitOnIdle: true });
    // Without a listener the loss of an idle connection ends the process; the next call finds out anyway.
    pool.on("error", () => {});
    pool.on("connect", guardConnection);
    return pool as unknown as PostgresPoolLike;
  }
}

/**
 * What happens to a connection is learnt from its queries. An error that comes in the same packet as the end of its start, or after it was
 * given back as broken, has no other listener, and would end the process.
 */
function guardConnection(client: { on(event: "error", listener: () => void): unknown }): void {
  client.on("error", () => {});
}
