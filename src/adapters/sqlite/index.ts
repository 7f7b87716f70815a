export {
  createSqliteStore,
  type SqliteDatabaseLike,
  type SqliteStore,
  type SqliteStoreOptions,
  type SqliteTransaction,
} from "./sqlite-store.ts";
