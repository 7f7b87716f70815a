export type { AwsCredentials, SqsClientLike } from "./sqs-client.ts";
export { createSqsQueue, type SqsQueueOptions } from "./sqs-queue.ts";
