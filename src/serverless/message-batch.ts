import { fromMessageText, type QueueMessage } from "../model/queue-message.ts";
import { UnsupportedOperationError } from "../model/store-errors.ts";
import type { ConsumeOptions, Delivery, ExecutionQueue, QueueCapabilities, QueueConsumer } from "../ports/execution-queue.ts";

/** A message as the platform hands it to a function. */
export interface ProcessMessage {
  /** Of the platform; says which messages of a batch are to be delivered again. */
  readonly id: string;
  /** What `ExecutionQueue.publish` made of an execution. */
  readonly body: string;
  /** 1 for the first delivery, where the platform tells. */
  readonly deliveryCount?: number;
}

/** What became of a batch. */
export interface ProcessReport {
  /** Ids of messages that the platform should deliver again later; all others are done with. */
  readonly failed: readonly string[];
  /** Ids of messages that were put aside. */
  readonly putAside: readonly string[];
}

/** Takes a message out of circulation where somebody can see it, such as a dead-letter queue. */
export type PutAside = (message: ProcessMessage, reason: string) => Promise<void>;

interface MessageBatchOptions {
  readonly name: string;
  /** Where what is given back is published; without one, its message is delivered again. */
  readonly queue: ExecutionQueue | undefined;
  readonly putAside: PutAside | undefined;
  reportError(error: unknown): void;
}

interface Consumer {
  readonly handle: (delivery: Delivery) => void;
  maxInFlight: number;
}

/** Claims are by id: what else may be claimable is for other calls. Delays are the platform's. */
const capabilities: QueueCapabilities = {
  order: "loose",
  visibilityTimeout: false,
  delay: true,
  priority: true,
  deliveryCount: true,
  listsPutAside: false,
  durable: false,
};

/** The messages of one call as a queue that hands out each of them once. */
export class MessageBatch implements ExecutionQueue {
  readonly capabilities = capabilities;
  /** Resolves when every message was acknowledged, given back or put aside. */
  readonly settled: Promise<void>;
  readonly #options: MessageBatchOptions;
  readonly #messages: readonly ProcessMessage[];
  readonly #waiting: ProcessMessage[];
  readonly #open: Set<ProcessMessage>;
  readonly #failed = new Set<ProcessMessage>();
  readonly #aside = new Set<ProcessMessage>();
  #consumer: Consumer | undefined;
  #onLoan = 0;
  #allSettled: () => void = () => {};

  constructor(messages: readonly ProcessMessage[], options: MessageBatchOptions) {
    this.#options = options;
    this.#messages = messages;
    this.#waiting = [...messages];
    this.#open = new Set(messages);
    this.settled = new Promise((resolve) => {
      this.#allSettled = resolve;
    });
    if (messages.length === 0) this.#allSettled();
  }

  /** What the call has come to; messages that are still open failed. */
  get report(): ProcessReport {
    const failed = new Set([...this.#failed, ...this.#open]);
    for (const message of this.#aside) failed.delete(message);
    return { failed: [...failed].map(({ id }) => id), putAside: [...this.#aside].map(({ id }) => id) };
  }

  /** Somebody else will have to go on with this execution. */
  fail(executionId: string): void {
    for (const message of this.#messages) {
      if (fromMessageText(message.body)?.executionId === executionId) this.#failed.add(message);
    }
  }

  async publish(messages: readonly QueueMessage[]): ReturnType<ExecutionQueue["publish"]> {
    const { queue } = this.#options;
    const unpublished = messages.map(() => ({ published: false, reason: "unavailable" }) as const);
    const reports = queue === undefined ? unpublished : await queue.publish(messages).catch(() => unpublished);
    for (const [index, { executionId }] of messages.entries()) {
      if (!reports[index]?.published) this.fail(executionId);
    }
    return reports;
  }

  async consume({ maxInFlight }: ConsumeOptions, handle: (delivery: Delivery) => void): Promise<QueueConsumer> {
    const consumer: Consumer = { handle, maxInFlight };
    this.#consumer = consumer;
    this.#handOut();
    return {
      setMaxInFlight: (most) => {
        consumer.maxInFlight = most;
        this.#handOut();
      },
      close: async () => {
        this.#consumer = undefined;
      },
    };
  }

  async listPutAside(): Promise<never> {
    throw new UnsupportedOperationError("a batch of messages does not keep what was put aside");
  }

  async close(): Promise<void> {
    this.#consumer = undefined;
  }

  #handOut(): void {
    const consumer = this.#consumer;
    while (consumer !== undefined && consumer === this.#consumer && this.#onLoan < consumer.maxInFlight) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#onLoan += 1;
      consumer.handle(this.#toDelivery(message));
    }
  }

  #toDelivery(message: ProcessMessage): Delivery {
    const read = fromMessageText(message.body);
    return {
      // A message for another coordinator is none that this one can read.
      message: read?.name === this.#options.name ? read : undefined,
      raw: message.body,
      deliveryCount: message.deliveryCount ?? 1,
      ack: async () => this.#settle(message),
      nack: async () => {
        if (this.#open.has(message)) this.#failed.add(message);
        this.#settle(message);
      },
      extend: async () => this.#open.has(message),
      putAside: (reason) => this.#putAside(message, reason),
    };
  }

  async #putAside(message: ProcessMessage, reason: string): Promise<void> {
    const { putAside, reportError } = this.#options;
    try {
      if (putAside === undefined) throw new UnsupportedOperationError(`message ${message.id} cannot be put aside: ${reason}`);
      await putAside(message, reason);
      this.#aside.add(message);
    } catch (error) {
      // Delivered again, the platform's own limit of deliveries will put it aside.
      this.#failed.add(message);
      reportError(error);
    }
    this.#settle(message);
  }

  #settle(message: ProcessMessage): void {
    if (!this.#open.delete(message)) return;
    this.#onLoan -= 1;
    if (this.#open.size === 0) this.#allSettled();
    this.#handOut();
  }
}
