import type { ConsumeOptions, Delivery, ExecutionQueue, QueueConsumer } from "../../src/ports/execution-queue.ts";

interface Received {
  readonly consumer: QueueConsumer;
  readonly deliveries: Delivery[];
  /** What has arrived, and when first. */
  readonly ids: Map<string, number>;
}

export type ReceivedOptions = Pick<ConsumeOptions, "name"> &
  Partial<ConsumeOptions> & {
    /** What arrives is acknowledged; `"attempted"`: where that fails the message comes again. */
    readonly acks?: boolean | "attempted";
  };

/** Consumes from the queue, and keeps what arrives. */
export async function received(queue: ExecutionQueue, { acks = false, ...options }: ReceivedOptions): Promise<Received> {
  const deliveries: Delivery[] = [];
  const ids = new Map<string, number>();
  const consumer = await queue.consume({ maxInFlight: 10, visibilityTimeoutMs: 60_000, ...options }, (delivery) => {
    deliveries.push(delivery);
    const id = delivery.message?.executionId as string;
    if (!ids.has(id)) ids.set(id, Date.now());
    if (acks === false) return;
    const acknowledged = delivery.ack();
    void (acks === "attempted" ? acknowledged.catch(() => {}) : acknowledged);
  });
  return { consumer, deliveries, ids };
}
