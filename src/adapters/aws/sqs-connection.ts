import type { SQSClient } from "@aws-sdk/client-sqs";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { ServiceCalls } from "../service-calls.ts";
import { type AwsAccess, toClientSettings } from "./aws-access.ts";
import type { SqsClientLike } from "./sqs-client.ts";
import { isQueueMissing, isQueueThere, toQueueError } from "./sqs-errors.ts";

type Sdk = typeof import("@aws-sdk/client-sqs");

export interface SqsConnectionOptions extends AwsAccess {
  readonly client: SqsClientLike | undefined;
  readonly create: boolean;
  readonly operationTimeoutMs: number;
  readonly clock: Clock;
}

/** A message as the service hands it out. */
export interface SqsMessage {
  readonly body: string;
  readonly receiptHandle: string;
  readonly receiveCount: number;
}

/** A message to be sent. */
export interface SqsEntry {
  readonly body: string;
  readonly delaySeconds?: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What became of one entry of a batch. */
export type SqsEntryReport = { readonly done: true } | { readonly done: false; readonly refused: boolean; readonly cause: Error };

interface Failure {
  readonly Id?: string | undefined;
  readonly SenderFault?: boolean | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

/** Talks to the service: each call has a time limit, and rejects with `StoreUnavailableError` when nobody knows what became of it. */
export class SqsConnection {
  readonly #options: SqsConnectionOptions;
  readonly #urls = new Map<string, Promise<string>>();
  readonly #calls: ServiceCalls<{ sdk: Sdk; client: SQSClient }>;

  constructor(options: SqsConnectionOptions) {
    const { operationTimeoutMs, clock } = options;
    this.#options = options;
    this.#calls = new ServiceCalls({
      ...{ service: "SQS", usedBy: "SQS queue", operationTimeoutMs, timers: clock },
      load: () => this.#load(),
      toError: toQueueError,
    });
  }

  /** Sends up to ten messages; reports per message, in order. */
  async send(queue: string, entries: readonly SqsEntry[]): Promise<SqsEntryReport[]> {
    const Entries = entries.map(({ body, delaySeconds, groupId, deduplicationId, attributes = {} }, index) => ({
      Id: `${index}`,
      MessageBody: body,
      ...(delaySeconds !== undefined && { DelaySeconds: delaySeconds }),
      ...(groupId !== undefined && { MessageGroupId: groupId }),
      ...(deduplicationId !== undefined && { MessageDeduplicationId: deduplicationId }),
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
      ),
    }));
    const { Successful = [], Failed = [] } = await this.#onQueue(queue, (QueueUrl, sdk, client, options) =>
      client.send(new sdk.SendMessageBatchCommand({ QueueUrl, Entries }), options),
    );
    return toReports(entries.length, Successful, Failed);
  }

  /** Waits up to `waitSeconds` for up to `most` messages, each then hidden for `visibilitySeconds`. */
  async receive(
    queue: string,
    { most, visibilitySeconds, waitSeconds }: { most: number; visibilitySeconds: number; waitSeconds: number },
  ): Promise<SqsMessage[]> {
    const request = {
      MaxNumberOfMessages: most,
      VisibilityTimeout: visibilitySeconds,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ["ApproximateReceiveCount" as const],
    };
    const { Messages = [] } = await this.#onQueue(
      queue,
      (QueueUrl, sdk, client, options) => client.send(new sdk.ReceiveMessageCommand({ QueueUrl, ...request }), options),
      waitSeconds * 1_000,
    );
    return Messages.map(({ Body = "", ReceiptHandle = "", Attributes }) => ({
      body: Body,
      receiptHandle: ReceiptHandle,
      receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
    }));
  }

  /** Removes up to ten messages; reports per message, in order. */
  async delete(queue: string, receiptHandles: readonly string[]): Promise<SqsEntryReport[]> {
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle }));
    const { Successful = [], Failed = [] } = await this.#onQueue(queue, (QueueUrl, sdk, client, options) =>
      client.send(new sdk.DeleteMessageBatchCommand({ QueueUrl, Entries }), options),
    );
    return toReports(receiptHandles.length, Successful, Failed);
  }

  /** The message stays hidden for so long from now; 0 shows it at once. */
  async changeVisibility(queue: string, receiptHandle: string, seconds: number): Promise<void> {
    const change = { ReceiptHandle: receiptHandle, VisibilityTimeout: seconds };
    await this.#onQueue(queue, (QueueUrl, sdk, client, options) =>
      client.send(new sdk.ChangeMessageVisibilityCommand({ QueueUrl, ...change }), options),
    );
  }

  /** Resolves once the queue is there. */
  async open(queue: string): Promise<void> {
    await this.#urlOf(queue);
  }

  /** What is under way rejects, and later calls do. A client of the caller's stays open. */
  async close(): Promise<void> {
    const loaded = await this.#calls.close();
    if (this.#options.client === undefined) loaded?.client.destroy();
  }

  async #onQueue<Output>(
    queue: string,
    run: (url: string, sdk: Sdk, client: SQSClient, options: { abortSignal: AbortSignal }) => Promise<Output>,
    waitMs = 0,
  ): Promise<Output> {
    const url = await this.#urlOf(queue);
    try {
      return await this.#calls.run(({ sdk, client }, options) => run(url, sdk, client, options), waitMs);
    } catch (error) {
      if (!isQueueMissing(error)) throw error;
      // Somebody has deleted it; the next call makes it anew.
      this.#urls.delete(queue);
      throw this.#options.create ? new StoreUnavailableError(`the SQS queue ${queue} is gone`, error) : error;
    }
  }

  #urlOf(queue: string): Promise<string> {
    let url = this.#urls.get(queue);
    if (url === undefined) {
      url = this.#findQueue(queue);
      this.#urls.set(queue, url);
      url.catch(() => this.#urls.delete(queue));
    }
    return url;
  }

  async #findQueue(queue: string): Promise<string> {
    const find = async () => {
      const found = await this.#calls.run(({ sdk, client }, options) =>
        client.send(new sdk.GetQueueUrlCommand({ QueueName: queue }), options),
      );
      return found.QueueUrl ?? "";
    };
    try {
      return await find();
    } catch (error) {
      if (!isQueueMissing(error) || !this.#options.create) throw error;
    }
    const Attributes = {
      ...(queue.endsWith(".fifo") && { FifoQueue: "true" }),
      // What was put aside waits for somebody to look, as long as SQS lets it.
      ...(/-aside(\.fifo)?$/.test(queue) && { MessageRetentionPeriod: "1209600" }),
    };
    try {
      const made = await this.#calls.run(({ sdk, client }, options) =>
        client.send(new sdk.CreateQueueCommand({ QueueName: queue, Attributes }), options),
      );
      return made.QueueUrl ?? "";
    } catch (error) {
      if (!isQueueThere(error)) throw error;
      return find();
    }
  }

  async #load(): Promise<{ sdk: Sdk; client: SQSClient }> {
    let sdk: Sdk;
    try {
      sdk = await import("@aws-sdk/client-sqs");
    } catch (cause) {
      throw new MissingDependencyError({ packageName: "@aws-sdk/client-sqs", usedBy: "SQS queue", cause });
    }
    const { client = new sdk.SQSClient(toClientSettings(this.#options)) } = this.#options;
    return { sdk, client: client as SQSClient };
  }
}

/** An entry that the answer does not mention may or may not have been taken. */
function toReports(count: number, successful: readonly Failure[], failed: readonly Failure[]): SqsEntryReport[] {
  const done = new Set(successful.map(({ Id }) => Id));
  const failures = new Map(failed.map((failure) => [failure.Id, failure]));
  return Array.from({ length: count }, (_, index) => {
    if (done.has(`${index}`)) return { done: true };
    const { SenderFault = false, Code = "unknown", Message = "not mentioned in the answer" } = failures.get(`${index}`) ?? {};
    return { done: false, refused: SenderFault, cause: new Error(`SQS: ${Code}: ${Message}`) };
  });
}
