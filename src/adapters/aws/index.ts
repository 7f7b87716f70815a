export type { AwsCredentials } from "./aws-access.ts";
export type { DynamodbClientLike, DynamodbCredentials } from "./dynamodb-client.ts";
export { createDynamodbStore, type DynamodbStoreOptions } from "./dynamodb-store.ts";
export type { SqsClientLike } from "./sqs-client.ts";
export { createSqsQueue, type SqsQueueOptions } from "./sqs-queue.ts";
