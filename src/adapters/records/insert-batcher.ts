import type { NewExecution } from "../../model/stored-execution.ts";
import type { InsertReport } from "../../ports/store-insert.ts";

interface WaitingInsert {
  readonly executions: readonly NewExecution[];
  resolve(reports: readonly InsertReport[]): void;
  reject(error: unknown): void;
}

/**
 * Gathers inserts of one name while an earlier one is under way: commits with a notification take turns on the server, so ten of them cost
 * ten times one. Alone, an insert goes out at once.
 */
export class InsertBatcher {
  readonly #write: (executions: readonly NewExecution[]) => Promise<readonly InsertReport[]>;
  #waiting: WaitingInsert[] = [];
  #underWay = false;

  constructor(write: (executions: readonly NewExecution[]) => Promise<readonly InsertReport[]>) {
    this.#write = write;
  }

  insert(executions: readonly NewExecution[]): Promise<readonly InsertReport[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ executions, resolve, reject });
      if (!this.#underWay) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#underWay = true;
    while (this.#waiting.length > 0) {
      const batch = this.#take(1_000);
      try {
        const reports = await this.#write(batch.flatMap(({ executions }) => executions));
        let start = 0;
        for (const { executions, resolve } of batch) {
          resolve(reports.slice(start, start + executions.length));
          start += executions.length;
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#underWay = false;
  }

  /** At least one insert, more as long as they have at most `most` executions together. */
  #take(most: number): WaitingInsert[] {
    let count = 0;
    let total = 0;
    for (const { executions } of this.#waiting) {
      total += executions.length;
      if (count > 0 && total > most) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
