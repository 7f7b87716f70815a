import type { AwsCredentials } from "./aws-access.ts";

/** The part of `DynamoDBClient` of `@aws-sdk/client-dynamodb` that a store uses. */
export interface DynamodbClientLike {
  send(command: object, options?: { abortSignal?: AbortSignal }): Promise<unknown>;
  destroy(): void;
}

/** What identifies an application to DynamoDB. */
export type DynamodbCredentials = AwsCredentials;
