import { nameOf, toServiceError } from "./aws-errors.ts";

/** The loan is over, as the service sees it. */
export const isLoanLost = (error: unknown): boolean =>
  /MessageNotInflight|ReceiptHandleIsInvalid|InvalidParameterValue/.test(nameOf(error));

/** There is no queue of this name, or no more. */
export const isQueueMissing = (error: unknown): boolean => /QueueDoesNotExist|NonExistentQueue/.test(nameOf(error));

/** Somebody else was quicker, or the queue has other attributes than those asked for; it is there. */
export const isQueueThere = (error: unknown): boolean => /QueueNameExists|QueueAlreadyExists/.test(nameOf(error));

export const toQueueError = (error: unknown): unknown => toServiceError("SQS", /TooManyRequests|QueueDeletedRecently/, error);
