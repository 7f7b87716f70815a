import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SqliteCounts } from "./sqlite-counts.ts";
import { migrateSqlite } from "./sqlite-schema.ts";

/** Pages of 4 KiB that the log holds before they are copied into the database: fewer copies of pages that change often. */
const checkpointPages = 4_000;
const cacheKib = 16_000;

/**
 * One connection: prepared statements by their text, and what the open transaction will write at its end. Statements give arrays, since
 * objects cost more than twice as much.
 *
 * No statement may have `LIMIT ?`: SQLite compiles it anew for each value. `LIMIT ? + 0` is the same and is compiled once.
 */
export class SqliteSession {
  readonly database: DatabaseSync;
  readonly counts = new SqliteCounts(this);
  readonly #statements = new Map<string, StatementSync>();
  readonly #spaces = new Map<string, number>();
  #position: number | undefined;
  #storedPosition: number | undefined;

  constructor(filename: string, synchronous: "NORMAL" | "FULL") {
    // The event loop stands still while SQLite waits for another process, so it waits briefly; what is left is waited for asynchronously.
    this.database = new DatabaseSync(filename, { timeout: 5 });
    try {
      this.database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
      this.database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA cache_size = -${cacheKib}`);
      this.database.exec("BEGIN IMMEDIATE");
      migrateSqlite(this.database, filename);
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** The first row as an array of its columns. */
  get<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as unknown as Row[];
  }

  /** Whether it changed a row. */
  run(sql: string, ...values: SQLInputValue[]): boolean {
    return this.#statement(sql).run(...values).changes !== 0;
  }

  begin(kind: "read" | "write"): void {
    this.#position = undefined;
    this.run(kind === "write" ? "BEGIN IMMEDIATE" : "BEGIN");
  }

  commit(): void {
    if (this.#position !== this.#storedPosition)
      this.run(`UPDATE actorfleet_meta SET "value" = ? WHERE "key" = 'position'`, this.#position as number);
    this.counts.write();
    this.run("COMMIT");
    this.#forget();
  }

  rollback(): void {
    this.#forget();
    this.#spaces.clear();
    // A full disk and some other errors have ended the transaction already.
    if (this.database.isTransaction) this.run("ROLLBACK");
  }

  /** The number that stands for the name in this file; 0, which is no space's, while nothing was ever written under the name. */
  spaceOf(name: string): number {
    const known = this.#spaces.get(name);
    if (known !== undefined) return known;
    const [stored] = this.get<[number]>('SELECT "number" FROM actorfleet_spaces WHERE "name" = ?', name) ?? [];
    if (stored !== undefined) this.#spaces.set(name, stored);
    return stored ?? 0;
  }

  /** Makes it when there is none. Within a write transaction. */
  makeSpace(name: string): number {
    const space = this.spaceOf(name);
    if (space > 0) return space;
    this.run('INSERT INTO actorfleet_spaces ("name") VALUES (?)', name);
    return this.spaceOf(name);
  }

  /** Rises over all transactions of all processes; read once per transaction and written once at its end. */
  nextPosition(): number {
    if (this.#position === undefined) {
      this.#position = this.storedPosition();
      this.#storedPosition = this.#position;
    }
    this.#position += 1;
    return this.#position;
  }

  /** Changes when another connection has committed. */
  dataVersion(): number {
    return this.get<[number]>("PRAGMA data_version")?.[0] ?? 0;
  }

  storedPosition(): number {
    return this.get<[number]>(`SELECT "value" FROM actorfleet_meta WHERE "key" = 'position'`)?.[0] ?? 0;
  }

  #forget(): void {
    this.#position = undefined;
    this.#storedPosition = undefined;
    this.counts.forget();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
