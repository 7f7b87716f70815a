import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { migrateSqlite } from "./sqlite-schema.ts";

/** One connection: prepared statements by their text, and the position counter of the transaction that is open. */
export class SqliteSession {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #position: number | undefined;
  #storedPosition: number | undefined;

  constructor(filename: string, synchronous: "NORMAL" | "FULL") {
    // The event loop stands still while SQLite waits for another process, so it waits briefly; what is left is waited for asynchronously.
    this.database = new DatabaseSync(filename, { timeout: 5 });
    try {
      this.database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
      this.database.exec("BEGIN IMMEDIATE");
      migrateSqlite(this.database, filename);
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  begin(kind: "read" | "write"): void {
    this.#position = undefined;
    this.run(kind === "write" ? "BEGIN IMMEDIATE" : "BEGIN");
  }

  commit(): void {
    if (this.#position !== this.#storedPosition)
      this.run(`UPDATE actorfleet_meta SET "value" = ? WHERE "key" = 'position'`, this.#position as number);
    this.run("COMMIT");
    this.#position = undefined;
    this.#storedPosition = undefined;
  }

  rollback(): void {
    this.#position = undefined;
    this.#storedPosition = undefined;
    // A full disk and some other errors have ended the transaction already.
    if (this.database.isTransaction) this.run("ROLLBACK");
  }

  /** Rises over all transactions of all processes; read once per transaction and written once at its end. */
  nextPosition(): number {
    if (this.#position === undefined) {
      this.#position = this.get<{ value: number }>(`SELECT "value" FROM actorfleet_meta WHERE "key" = 'position'`)?.value ?? 0;
      this.#storedPosition = this.#position;
    }
    this.#position += 1;
    return this.#position;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
