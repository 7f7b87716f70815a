/** A way of sending ids through a broker. */
export interface QueueContender {
  readonly name: string;
  open(options: { readonly url: string; readonly inFlight: number }): Promise<QueueSubject>;
}

interface QueueSubject {
  /** Resolves when the broker has confirmed all of them. */
  publish(count: number, first: number): Promise<void>;
  /** Acknowledges each, and tells. */
  consume(taken: () => void): void;
  close(): Promise<void>;
}
