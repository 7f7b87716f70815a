import { MissingDependencyError } from "../../model/store-errors.ts";

/** What the queue needs of a channel of `rabbitmq-client`. */
export interface RabbitmqChannel {
  readonly active: boolean;
  on(event: "close", listener: () => void): unknown;
  on(event: "basic.return", listener: (message: RabbitmqMessage) => void): unknown;
  on(event: "basic.cancel", listener: (consumerTag: string) => void): unknown;
  close(): Promise<void>;
  confirmSelect(): Promise<void>;
  exchangeDeclare(exchange: { exchange: string; type: string; durable: boolean }): Promise<void>;
  exchangeBind(binding: { source: string; destination: string; routingKey: string }): Promise<void>;
  queueDeclare(queue: { queue: string; durable?: boolean; passive?: boolean; arguments?: Record<string, unknown> }): Promise<unknown>;
  queueBind(binding: { exchange: string; queue: string; routingKey: string }): Promise<void>;
  basicQos(quality: { prefetchCount: number }): Promise<void>;
  basicConsume(options: { queue: string; consumerTag: string }, handle: (message: RabbitmqMessage) => void): Promise<unknown>;
  basicCancel(options: { consumerTag: string }): Promise<unknown>;
  basicGet(options: { queue: string }): Promise<RabbitmqMessage | undefined>;
  basicAck(options: { deliveryTag: number }): void;
  basicNack(options: { deliveryTag: number; requeue: boolean; multiple?: boolean }): void;
  /** With confirms, resolves when the broker has the message and rejects when it refuses it or the channel ends before. */
  basicPublish(envelope: RabbitmqEnvelope, body: Buffer): Promise<void>;
}

interface RabbitmqEnvelope {
  readonly exchange: string;
  readonly routingKey: string;
  readonly durable: true;
  /** A message that fits no queue comes back as `basic.return` before it is confirmed. */
  readonly mandatory: boolean;
  readonly messageId?: string;
  readonly contentType: string;
  /** With one the client leaves the body as it is. */
  readonly contentEncoding: string;
  readonly headers?: Record<string, unknown>;
}

export interface RabbitmqMessage {
  readonly consumerTag?: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly messageId?: string;
  readonly headers?: Record<string, unknown>;
  /** A Buffer, or what the client made of one that somebody else has published. */
  readonly body: unknown;
}

/** What the queue needs of a connection of `rabbitmq-client`, which opens itself again whenever it is lost. */
export interface RabbitmqClient {
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "connection", listener: () => void): unknown;
  /** It is connected, and the broker takes what is written. */
  readonly ready: boolean;
  acquire(): Promise<RabbitmqChannel>;
  /** Waits for its channels to be closed. */
  close(): Promise<void>;
  unsafeDestroy(): void;
}

export interface RabbitmqClientOptions {
  readonly url: string;
  readonly operationTimeoutMs: number;
}

/** Seconds between two signs of life; a connection is given up after four without one. */
const heartbeatSeconds = 5;

export async function openRabbitmqClient({ url, operationTimeoutMs }: RabbitmqClientOptions): Promise<RabbitmqClient> {
  let Connection: typeof import("rabbitmq-client").Connection;
  try {
    ({ Connection } = await import("rabbitmq-client"));
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "rabbitmq-client", usedBy: "RabbitMQ queue", cause });
  }
  const client = new Connection({
    url,
    acquireTimeout: operationTimeoutMs,
    connectionTimeout: operationTimeoutMs,
    heartbeat: heartbeatSeconds,
    // Its own pauses grow to 30 seconds, and the first publish after a restart would wait for the rest of one.
    retryLow: 100,
    retryHigh: 1_000,
  });
  return client as unknown as RabbitmqClient;
}
