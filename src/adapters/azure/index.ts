export type { TableClientLike, TableEntityLike, TableEntityPageLike } from "./azure-table-client.ts";
export { createTableStore, type TableStoreOptions } from "./azure-table-store.ts";
