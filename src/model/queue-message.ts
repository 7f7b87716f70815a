/** A hint that an execution may be claimable: the id and what is needed to route it, never the work itself. */
export interface QueueMessage {
  /** Of the coordinator. */
  readonly name: string;
  readonly executionId: string;
  readonly group?: string;
  readonly priority?: number;
  readonly delayMs?: number;
}

/** A message as text, as queues carry it. */
export function toMessageText(message: QueueMessage): string {
  return JSON.stringify(message);
}

/** The message that a text is; undefined when it is none. */
export function fromMessageText(text: string): QueueMessage | undefined {
  try {
    const message = JSON.parse(text) as Partial<QueueMessage> | null;
    return typeof message?.name === "string" && typeof message.executionId === "string" ? (message as QueueMessage) : undefined;
  } catch {
    return undefined;
  }
}
