/** Which document: whose, and which part of what belongs to it. Letters, digits and `_.~!-` only, of bounded length. */
export interface DocumentKey {
  /** Documents of one owner lie together. */
  readonly owner: string;
  readonly part: string;
}

/** `work`: where claims, sweeps and retention look; `status`: by status, in the order of start; `order`: all, in the order of start. */
export type IndexName = "work" | "status" | "order";

export const indexNames: readonly IndexName[] = ["work", "status", "order"];

/** Where an index shows a document: within this group, by ascending order of texts. */
export interface IndexPlace {
  readonly group: string;
  readonly order: string;
}

/** A document as it is written. */
export interface NewDocument extends DocumentKey {
  /** Chosen by who writes, another one with every write: so that whoever lost the answer can tell whether it happened. */
  readonly version: string;
  readonly data: string;
  readonly places: Readonly<Partial<Record<IndexName, IndexPlace>>>;
}

/** A document as it was read. */
export interface StoredDocument extends NewDocument {
  /** What the service compares, where that is not the version. */
  readonly tag?: string;
}

/** A part of an index. */
export interface IndexRange {
  readonly index: IndexName;
  readonly group: string;
  /** Only what comes after this place of an entry. */
  readonly after?: string;
  /** Only what comes before this place or this beginning of one. */
  readonly before?: string;
  readonly limit: number;
  readonly descending?: boolean;
}

/** An entry of an index, which may be older than its document. */
export interface FoundPlace {
  readonly owner: string;
  /** The order, and the owner after it. */
  readonly at: string;
}

/**
 * What the services have in common: single documents, written on condition, and indexes that are kept with them. A space is the data of one
 * coordinator. Every method rejects with `StoreUnavailableError` when it is unknown what happened; the caller then repeats it.
 */
export interface DocumentTable {
  /** Texts up to this length are kept within the record; longer ones in documents of their own, because writing them again costs. */
  readonly inlineLength: number;
  /** For messages. */
  readonly where: string;
  /** Reads what is stored now; undefined where there is nothing. In the order asked. */
  get(space: string, keys: readonly DocumentKey[]): Promise<readonly (StoredDocument | undefined)[]>;
  /** Writes when what is stored is what was read before (undefined: when nothing is); else changes nothing, and says false. */
  put(space: string, next: NewDocument, previous: StoredDocument | undefined): Promise<boolean>;
  /** Removes when what is stored is what was read before; else changes nothing, and says false. */
  remove(space: string, previous: StoredDocument): Promise<boolean>;
  /** Writes whatever is there. Such documents have no places. */
  set(space: string, documents: readonly NewDocument[]): Promise<void>;
  /** Removes whatever is there. Such documents have no places. */
  drop(space: string, keys: readonly DocumentKey[]): Promise<void>;
  /** Entries of an index, which may lag behind by a moment. */
  find(space: string, range: IndexRange): Promise<readonly FoundPlace[]>;
  /** How many entries, as far as `atMost`. */
  count(space: string, range: Omit<IndexRange, "limit" | "descending"> & { readonly atMost?: number }): Promise<number>;
  /** Documents of one owner whose part is at least `from` and less than `before`, in ascending order. */
  parts(space: string, owner: string, from: string, before: string, limit: number): Promise<readonly StoredDocument[]>;
  close(): Promise<void>;
}
