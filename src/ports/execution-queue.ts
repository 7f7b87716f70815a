import type { QueueMessage } from "../model/queue-message.ts";

export type { QueueMessage } from "../model/queue-message.ts";

/** What a queue can do beyond the promises that all keep. */
export interface QueueCapabilities {
  /** How messages are handed out: in the order of publishing, roughly so, or in that order per group only. */
  readonly order: "fifo" | "loose" | "perGroup";
  /** A message that is neither acknowledged nor extended comes back after its visibility timeout; else only when its consumer is gone. */
  readonly visibilityTimeout: boolean;
  /** Keeps `delayMs` of publish and nack, as far as its longest delay goes; else they count as 0. */
  readonly delay: boolean;
  /** The longest delay it keeps; a message with a longer one comes after this one. Without a limit, absent. */
  readonly maxDelayMs?: number;
  /** Hands higher priorities out first. */
  readonly priority: boolean;
  /** `Delivery.deliveryCount` counts all deliveries; else it only tells the first from later ones. */
  readonly deliveryCount: boolean;
  /** `listPutAside` works. */
  readonly listsPutAside: boolean;
  /** Messages survive the end of the broker's process. */
  readonly durable: boolean;
  /** Of a message as text, in UTF-8; what is larger is reported as `tooLarge`. Without a limit, absent. */
  readonly maxMessageBytes?: number;
}

/** Whether the queue has the message; `unavailable` means that it may. */
export type PublishReport =
  | { readonly published: true }
  | { readonly published: false; readonly reason: "unavailable" | "tooLarge"; readonly cause?: unknown };

/** A message on loan. The first of `ack`, `nack` and `putAside` counts; later ones, and those after a lost loan, do nothing. */
export interface Delivery {
  /** Undefined when the message cannot be read; `raw` shows it. */
  readonly message: QueueMessage | undefined;
  readonly raw: string;
  /** 1 for the first. */
  readonly deliveryCount: number;
  /** The message is gone for good. */
  ack(): Promise<void>;
  /** Somebody gets it again, at once or after `delayMs`. */
  nack(options?: { delayMs?: number }): Promise<void>;
  /** Stays hidden from others for `visibilityTimeoutMs` from now; false when the loan is lost already. */
  extend(visibilityTimeoutMs: number): Promise<boolean>;
  /** Taken out of circulation, visibly. */
  putAside(reason: string): Promise<void>;
}

/** How messages are wanted. */
export interface ConsumeOptions {
  readonly name: string;
  /** How long a message stays hidden from others while it is on loan. */
  readonly visibilityTimeoutMs: number;
  /** How many may be on loan at once; 0 pauses. */
  readonly maxInFlight: number;
}

/** A running subscription. */
export interface QueueConsumer {
  /** Holds for messages handed out from now on; those on loan stay. */
  setMaxInFlight(maxInFlight: number): void;
  /** No message is handed out any more; those on loan can still be settled. */
  close(): Promise<void>;
}

/** A message that was taken out of circulation. */
export interface PutAsideMessage {
  readonly raw: string;
  readonly reason: string;
}

/** Tells workers that there may be work. Messages may be lost or come twice: the store is the truth, and a sweep publishes again. */
export interface ExecutionQueue {
  readonly capabilities: QueueCapabilities;

  /** Hands messages over to the queue; reports per message, in order. */
  publish(messages: readonly QueueMessage[]): Promise<readonly PublishReport[]>;

  /** Calls `handle` with each message, at most `maxInFlight` on loan at once, each hidden from others until it is settled or its loan ends. */
  consume(options: ConsumeOptions, handle: (delivery: Delivery) => void): Promise<QueueConsumer>;

  /** What was put aside, oldest first; rejects with `UnsupportedOperationError` where the capability is missing. */
  listPutAside(options: { name: string; limit?: number }): Promise<readonly PutAsideMessage[]>;

  /** Ends all consumers; their loans end, and unsettled messages come back to others. */
  close(): Promise<void>;
}
