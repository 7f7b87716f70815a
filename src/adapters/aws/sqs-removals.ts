import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { SqsConnection, SqsEntryReport } from "./sqs-connection.ts";

/** SQS removes no more at once. */
const mostRemoved = 10;

interface Removal {
  readonly receiptHandle: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** Removes messages of one queue, those of one tick together: a worker acknowledges what one claim was for at once. */
export class SqsRemovals {
  readonly #connection: SqsConnection;
  readonly #queue: string;
  #waiting: Removal[] = [];

  constructor(connection: SqsConnection, queue: string) {
    this.#connection = connection;
    this.#queue = queue;
  }

  remove(receiptHandle: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) queueMicrotask(() => this.#send());
      this.#waiting.push({ receiptHandle, resolve, reject });
    });
  }

  #send(): void {
    const all = this.#waiting.splice(0);
    for (let from = 0; from < all.length; from += mostRemoved) void this.#sendSome(all.slice(from, from + mostRemoved));
  }

  async #sendSome(removals: readonly Removal[]): Promise<void> {
    let reports: readonly SqsEntryReport[];
    try {
      const handles = removals.map(({ receiptHandle }) => receiptHandle);
      reports = await this.#connection.delete(this.#queue, handles);
    } catch (error) {
      for (const { reject } of removals) reject(error);
      return;
    }
    for (const [index, { resolve, reject }] of removals.entries()) {
      const report = reports[index];
      // Refused is a receipt that no longer means anything: the loan was lost.
      if (report?.done === false && !report.refused) reject(new StoreUnavailableError("SQS did not remove a message", report.cause));
      else resolve();
    }
  }
}
