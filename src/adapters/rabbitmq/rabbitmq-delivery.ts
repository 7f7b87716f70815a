import { fromMessageText } from "../../model/queue-message.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import type { RabbitmqMessage } from "./rabbitmq-client.ts";
import { deliveriesHeader, type OutgoingMessage } from "./rabbitmq-publisher.ts";

/** What a delivery needs of the subscription that it came by. The loan is lost when its channel ends. */
export interface Loan {
  readonly isLost: boolean;
  /** Ends the loan: the message is gone, or it is back where it came from. */
  end(how: "ack" | "requeue"): void;
}

interface DeliveryParts {
  readonly name: string;
  readonly message: RabbitmqMessage;
  readonly loan: Loan;
  /** Resolves to whether the broker has it. */
  publish(message: OutgoingMessage): Promise<boolean>;
}

/** A message on loan, whose first settlement counts. */
export function rabbitmqDelivery({ name, message, loan, publish }: DeliveryParts): Delivery {
  const raw = rawOf(message.body);
  const deliveryCount = countOf(message);
  let isSettled = false;
  const settle = async (how: () => Promise<void> | void) => {
    if (isSettled || loan.isLost) return;
    isSettled = true;
    await how();
  };
  /** Published in another form before this one is given up: it may be there twice then, but is not lost. */
  const replace = async (by: Omit<OutgoingMessage, "name" | "raw">) => {
    let isThere = false;
    try {
      isThere = await publish({ name, raw, ...by });
    } finally {
      if (!loan.isLost) loan.end(isThere ? "ack" : "requeue");
    }
  };
  return {
    message: fromMessageText(raw),
    raw,
    deliveryCount,
    ack: () => settle(() => loan.end("ack")),
    nack: ({ delayMs = 0 } = {}) => settle(() => (delayMs > 0 ? replace({ delayMs, deliveries: deliveryCount }) : loan.end("requeue"))),
    extend: async () => !isSettled && !loan.isLost,
    putAside: (reason) => settle(() => replace({ asideBecause: reason })),
  };
}

export function rawOf(body: unknown): string {
  if (typeof body === "string") return body;
  return Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body);
}

function countOf({ headers = {}, redelivered }: RabbitmqMessage): number {
  const counted = Math.max(Number(headers["x-delivery-count"] ?? 0), redelivered ? 1 : 0);
  return Number(headers[deliveriesHeader] ?? 0) + counted + 1;
}
