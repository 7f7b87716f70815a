import { nameOf, toServiceError } from "./aws-errors.ts";

/** What is stored is not what was read, or is there already. */
export const isConditionFailed = (error: unknown): boolean => nameOf(error) === "ConditionalCheckFailedException";

export const isTableMissing = (error: unknown): boolean => nameOf(error) === "ResourceNotFoundException";

/** Somebody else creates it, or has. */
export const isTableThere = (error: unknown): boolean => nameOf(error) === "ResourceInUseException";

export const toTableError = (error: unknown): unknown =>
  toServiceError("DynamoDB", /ThroughputExceeded|LimitExceeded|TransactionInProgress/, error);
