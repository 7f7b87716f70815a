import { Redis } from "ioredis";
import pg from "pg";

/** Looks at a server beside the contender, with a connection of its own. */
export interface ServerWatch {
  /** After many were started, before any runs; not part of the time that is measured. */
  filled(): Promise<unknown>;
  /** How many were accepted and have not ended. */
  unfinished(): Promise<number>;
  close(): Promise<unknown>;
}

/** Counts by a query whose one row has `unfinished`. */
export const watchPostgres =
  (unfinishedSql: string) =>
  async (connectionString: string): Promise<ServerWatch> => {
    const admin = new pg.Client({ connectionString });
    await admin.connect();
    return {
      // Some plan by statistics, and would not have got them from a queue that fills in one go.
      filled: () => admin.query("ANALYZE"),
      async unfinished() {
        const { rows } = await admin.query<{ unfinished: number }>(unfinishedSql);
        return rows[0]?.unfinished ?? Number.NaN;
      },
      close: () => admin.end(),
    };
  };

/** Begins with an empty server: the records of earlier samples are none of this one's business. */
export const watchRedis =
  (unfinished: (admin: Redis) => Promise<number>) =>
  async (url: string): Promise<ServerWatch> => {
    const admin = new Redis(url);
    await admin.flushall();
    return { filled: async () => {}, unfinished: () => unfinished(admin), close: () => admin.quit() };
  };
