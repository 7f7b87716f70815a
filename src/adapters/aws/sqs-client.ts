/** The part of `SQSClient` of `@aws-sdk/client-sqs` that a queue uses. */
export interface SqsClientLike {
  send(command: object, options?: { abortSignal?: AbortSignal }): Promise<unknown>;
  destroy(): void;
}
