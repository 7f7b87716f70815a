/** What the store needs of a `pg` client; the client of an application's transaction is one. */
export interface PostgresClientLike {
  query(query: PostgresQuery): Promise<{ rows: unknown[] }>;
}

/** One statement as `pg` takes it. */
export interface PostgresQuery {
  text: string;
  values?: unknown[];
  /** Under this name the server keeps it prepared. */
  name?: string;
  rowMode?: "array";
  types?: { getTypeParser(oid: number, format?: string): (text: string) => unknown };
}

/** A client of a pool, on loan. */
export interface PostgresPoolClientLike extends PostgresClientLike {
  /** With an error the connection is closed instead of used again. */
  release(error?: Error | boolean): void;
  // biome-ignore lint/suspicious/noExplicitAny: listeners of an emitter, whose types differ between versions.
  on(event: "error" | "end" | "notification", listener: (value: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  removeListener(event: "error", listener: (value: any) => void): unknown;
}

/** What the store needs of a `pg` pool. */
export interface PostgresPoolLike {
  connect(): Promise<PostgresPoolClientLike>;
  end(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  on?(event: "connect", listener: (client: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  removeListener?(event: "connect", listener: (client: any) => void): unknown;
}

const numeric = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** Numbers as numbers, whatever the application has set for its own queries: no instant or count of ours is above 2^53. */
export const postgresTypes = {
  getTypeParser(oid: number): (text: string) => unknown {
    if (numeric.has(oid)) return Number;
    return oid === 16 ? (text) => text === "t" : (text) => text;
  },
};
