export type { DynamodbClientLike, DynamodbCredentials } from "./dynamodb-client.ts";
export { createDynamodbStore, type DynamodbStoreOptions } from "./dynamodb-store.ts";
export type { AwsCredentials, SqsClientLike } from "./sqs-client.ts";
export { createSqsQueue, type SqsQueueOptions } from "./sqs-queue.ts";
