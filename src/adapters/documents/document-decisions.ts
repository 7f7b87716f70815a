import { batchKey, idempotencyKey, spaceOf } from "./document-keys.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";
import type { NewDocument, StoredDocument } from "./document-table.ts";

/** What an idempotency key stands for. */
export interface KeyOwner {
  readonly id: string;
  readonly startToken: string;
}

/** What became of a batch. */
type Decision = "commit" | "abort";

/**
 * Starts that take more than one document are written first as pending, where nobody sees them, and become executions by one further write:
 * that of their idempotency key, or of the decision about their batch. Whoever comes across a pending one finishes or removes it according to
 * that, so that a process that dies in between keeps nobody waiting.
 */
export class DocumentDecisions {
  readonly #rows: DocumentRows;

  constructor(rows: DocumentRows) {
    this.#rows = rows;
  }

  /** Makes a pending record an execution, or removes it; and when somebody else has done so by now, does nothing. */
  async resolve(name: string, loaded: LoadedRecord): Promise<void> {
    const { record } = loaded;
    if (record.pending === undefined) return;
    const { batch } = record.pending;
    const isCommitted = batch === undefined ? await this.#hasKey(name, loaded) : (await this.decide(name, batch, "abort")) === "commit";
    if (isCommitted) await this.show(name, loaded);
    else await this.#rows.discard(name, loaded);
  }

  /** Makes it an execution that everybody sees; false when it is not pending any more. */
  async show(name: string, { record, document }: LoadedRecord): Promise<boolean> {
    return this.#rows.write(name, { ...record, pending: undefined }, document);
  }

  /** Decides about a batch if nobody has; what was decided. */
  async decide(name: string, batch: string, wish: Decision): Promise<Decision> {
    const { table, version } = this.#rows;
    const decision: NewDocument = { ...batchKey(batch), version: version(), data: wish, places: {} };
    for (let tries = 1; ; tries++) {
      if (await table.put(spaceOf(name), decision, undefined)) return wish;
      const [stored] = await table.get(spaceOf(name), [decision]);
      if (stored !== undefined) return stored.data as Decision;
      await this.#rows.pause(tries, "a decision");
    }
  }

  /** No record refers to it any more. */
  async forget(name: string, batch: string): Promise<void> {
    await this.#rows.table.drop(spaceOf(name), [batchKey(batch)]).catch(() => {});
  }

  /** The execution that a key stands for, pending or not; `free` with the document to replace when it stands for none. */
  async ownerOf(name: string, key: string): Promise<{ readonly owner: LoadedRecord } | { readonly free: StoredDocument | undefined }> {
    const [stored] = await this.#rows.table.get(spaceOf(name), [idempotencyKey(key)]);
    if (stored === undefined) return { free: undefined };
    const { id, startToken } = JSON.parse(stored.data) as KeyOwner;
    const [owner] = await this.#rows.load(name, [id], "facts");
    return owner?.record.startToken === startToken ? { owner } : { free: stored };
  }

  /** Gives a free key to a start; false when somebody else was faster. */
  async takeKey(name: string, key: string, { id, startToken }: KeyOwner, free: StoredDocument | undefined): Promise<boolean> {
    const { table, version } = this.#rows;
    const next: NewDocument = { ...idempotencyKey(key), version: version(), data: JSON.stringify({ id, startToken }), places: {} };
    if (await table.put(spaceOf(name), next, free)) return true;
    const [stored] = await table.get(spaceOf(name), [next]);
    return stored?.version === next.version;
  }

  /** Takes a key away from an execution that is, or never became, one. */
  async freeKey(name: string, key: string, { id, startToken }: KeyOwner): Promise<void> {
    const [stored] = await this.#rows.table.get(spaceOf(name), [idempotencyKey(key)]);
    if (stored === undefined) return;
    const owner = JSON.parse(stored.data) as KeyOwner;
    if (owner.id === id && owner.startToken === startToken) await this.#rows.table.remove(spaceOf(name), stored);
  }

  async #hasKey(name: string, { record }: LoadedRecord): Promise<boolean> {
    const [stored] = await this.#rows.table.get(spaceOf(name), [idempotencyKey(record.idempotencyKey as string)]);
    if (stored === undefined) return false;
    const { id, startToken } = JSON.parse(stored.data) as KeyOwner;
    return id === record.id && startToken === record.startToken;
  }
}
