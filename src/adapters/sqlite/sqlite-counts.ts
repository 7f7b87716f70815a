import type { RecordRow } from "../records/record-row.ts";
import type { SqliteSession } from "./sqlite-session.ts";

const statuses = ["queued", "running", "completed", "failed", "cancelled"] as const;
const columns = [...statuses, "parked"] as const;

type Counts = Record<(typeof columns)[number], number>;

const names = columns.map((column) => `"${column}"`);
const readSql = `SELECT ${names.join(", ")} FROM actorfleet_counts WHERE "name" = ?`;
const writeSql = `INSERT INTO actorfleet_counts ("name", ${names.join(", ")}) VALUES (?, ${columns.map(() => "?").join(", ")})
  ON CONFLICT DO UPDATE SET ${names.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

/** How many records of each name have each status: kept with every change, because counting a million rows takes a second. */
export class SqliteCounts {
  readonly #session: SqliteSession;
  /** What the open transaction has changed. */
  readonly #changes = new Map<string, Counts>();

  constructor(session: SqliteSession) {
    this.#session = session;
  }

  of(name: string): Counts {
    const stored = this.#session.get<number[]>(readSql, name);
    const changes = this.#changes.get(name);
    const counts = none();
    for (const [index, column] of columns.entries()) counts[column] = (stored?.[index] ?? 0) + (changes?.[column] ?? 0);
    return counts;
  }

  /** Records of this kind were added, or taken away. */
  change(name: string, status: RecordRow["status"], phase: RecordRow["phase"], by: number): void {
    let changes = this.#changes.get(name);
    if (changes === undefined) {
      changes = none();
      this.#changes.set(name, changes);
    }
    changes[status] += by;
    if (status === "running" && phase !== "leased") changes.parked += by;
  }

  write(): void {
    for (const [name, { queued, running, completed, failed, cancelled, parked }] of this.#changes) {
      if (queued !== 0 || running !== 0 || completed !== 0 || failed !== 0 || cancelled !== 0 || parked !== 0)
        this.#session.run(writeSql, name, queued, running, completed, failed, cancelled, parked);
    }
  }

  forget(): void {
    this.#changes.clear();
  }
}

function none(): Counts {
  return { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, parked: 0 };
}
