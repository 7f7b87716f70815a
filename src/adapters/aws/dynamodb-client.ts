/** The part of `DynamoDBClient` of `@aws-sdk/client-dynamodb` that a store uses. */
export interface DynamodbClientLike {
  send(command: object, options?: { abortSignal?: AbortSignal }): Promise<unknown>;
  destroy(): void;
}

/** What identifies an application to DynamoDB. */
export interface DynamodbCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}
