import type { RecordRow } from "../records/record-row.ts";
import type { SqliteSession } from "./sqlite-session.ts";

const statuses = ["queued", "running", "completed", "failed", "cancelled"] as const;
const columns = [...statuses, "parked"] as const;

type Counts = Record<(typeof columns)[number], number>;

const names = columns.map((column) => `"${column}"`);
const readSql = `SELECT ${names.join(", ")} FROM actorfleet_spaces WHERE "number" = ?`;
const writeSql = `UPDATE actorfleet_spaces SET ${names.map((name) => `${name} = ${name} + ?`).join(", ")} WHERE "number" = ?`;

/** How many records of each space have each status: kept with every change, because counting a million rows takes a second. */
export class SqliteCounts {
  readonly #session: SqliteSession;
  /** What the open transaction has changed. */
  readonly #changes = new Map<number, Counts>();

  constructor(session: SqliteSession) {
    this.#session = session;
  }

  of(space: number): Counts {
    const stored = this.#session.get<number[]>(readSql, space);
    const changes = this.#changes.get(space);
    const counts = none();
    for (const [index, column] of columns.entries()) counts[column] = (stored?.[index] ?? 0) + (changes?.[column] ?? 0);
    return counts;
  }

  /** Records of this kind were added, or taken away. */
  change(space: number, status: RecordRow["status"], phase: RecordRow["phase"], by: number): void {
    let changes = this.#changes.get(space);
    if (changes === undefined) {
      changes = none();
      this.#changes.set(space, changes);
    }
    changes[status] += by;
    if (status === "running" && phase !== "leased") changes.parked += by;
  }

  write(): void {
    for (const [space, { queued, running, completed, failed, cancelled, parked }] of this.#changes) {
      if (queued !== 0 || running !== 0 || completed !== 0 || failed !== 0 || cancelled !== 0 || parked !== 0)
        this.#session.run(writeSql, queued, running, completed, failed, cancelled, parked, space);
    }
  }

  forget(): void {
    this.#changes.clear();
  }
}

function none(): Counts {
  return { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, parked: 0 };
}
