import type { ProcessHandler } from "./process-handler.ts";
import type { SweepOutcome } from "./store-sweep.ts";

/** A batch of messages of SQS, as far as it is needed. */
export interface LambdaSqsEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
  }[];
}

/** Of what a call of a function is given, how long it may take. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

/** Which messages SQS should deliver again; the event source has to expect it (`ReportBatchItemFailures`). */
export interface LambdaSqsResult {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Makes an AWS Lambda function behind SQS of a handler of messages. Without `ReportBatchItemFailures` of its event source nothing would ever
 * be delivered again.
 *
 * @example
 * ```ts
 * export const work = toLambdaSqsHandler(createProcessHandler({ name: "reports", store, queue, orchestrator }));
 * ```
 */
export function toLambdaSqsHandler(handle: ProcessHandler): (event: LambdaSqsEvent, context: LambdaContext) => Promise<LambdaSqsResult> {
  return async ({ Records }, context) => {
    const batch = Records.map(({ messageId, body, attributes }) => ({
      ...{ id: messageId, body },
      deliveryCount: Number(attributes.ApproximateReceiveCount),
    }));
    const { failed } = await handle(batch, { remainingMs: () => context.getRemainingTimeInMillis() });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

/**
 * Makes an AWS Lambda function for a schedule of `createSweepHandler`; what it did shows in the answer.
 *
 * @example
 * ```ts
 * export const sweep = toLambdaScheduledHandler(createSweepHandler({ name: "reports", store, queue }));
 * ```
 */
export function toLambdaScheduledHandler(sweep: () => Promise<SweepOutcome>): (event: unknown) => Promise<SweepOutcome> {
  return () => sweep();
}
