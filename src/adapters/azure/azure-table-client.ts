/** An entity as the service has it: keys, and properties of text. */
export interface TableEntityLike {
  partitionKey?: string;
  rowKey?: string;
  etag?: string;
  [property: string]: unknown;
}

interface CallOptions {
  abortSignal?: AbortSignal;
}

/** Some of the entities that were asked for, and where to go on. */
export interface TableEntityPageLike extends ReadonlyArray<TableEntityLike> {
  continuationToken?: string;
}

/** The part of `TableClient` of `@azure/data-tables` that a store uses. */
export interface TableClientLike {
  createTable(options?: CallOptions): Promise<void>;
  getEntity(partitionKey: string, rowKey: string, options?: CallOptions): Promise<TableEntityLike>;
  createEntity(entity: never, options?: CallOptions): Promise<unknown>;
  updateEntity(entity: never, mode?: "Merge" | "Replace", options?: CallOptions & { etag?: string }): Promise<unknown>;
  upsertEntity(entity: never, mode?: "Merge" | "Replace", options?: CallOptions): Promise<unknown>;
  deleteEntity(partitionKey: string, rowKey: string, options?: CallOptions & { etag?: string }): Promise<unknown>;
  submitTransaction(actions: never, options?: CallOptions): Promise<unknown>;
  listEntities(options?: CallOptions & { queryOptions?: { filter?: string; select?: string[] } }): {
    byPage(settings?: { maxPageSize?: number; continuationToken?: string }): AsyncIterable<TableEntityPageLike>;
  };
}
