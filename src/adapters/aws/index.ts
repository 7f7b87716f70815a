export type { DynamodbClientLike, DynamodbCredentials } from "./dynamodb-client.ts";
export { createDynamodbStore, type DynamodbStoreOptions } from "./dynamodb-store.ts";
