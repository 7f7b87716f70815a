import type { KafkaMessage } from "./kafka-message.ts";

/** What a consumer knows about a partition while it is its own. */
export class OwnedPartition {
  readonly index: number;
  /** It may be somebody else's by now: nothing that is done to its messages counts any more. */
  isLost = false;
  /** Fetched, and not handed out. */
  readonly backlog: KafkaMessage[] = [];
  /** Handed out, and not settled. */
  loans = 0;
  /** Of the next message to fetch; unknown until it is known where the group had got to. */
  next: bigint | undefined;
  /** Where the group has got to, as far as the brokers know. */
  committed: bigint | undefined;
  /** Fetched, and not settled, in order. */
  readonly #unsettled = new Set<bigint>();

  constructor(index: number) {
    this.index = index;
  }

  /** From here on nothing is settled for sure; undefined where nothing is new to the brokers. */
  get committable(): bigint | undefined {
    const [first] = this.#unsettled;
    const settledTo = first ?? this.next;
    return settledTo === undefined || this.isLost || settledTo === this.committed ? undefined : settledTo;
  }

  startAt(offset: bigint): void {
    this.next = offset;
    this.committed = offset;
  }

  /** `next` follows the last of them, and of what is no message. */
  fetched(messages: readonly KafkaMessage[], next: bigint): void {
    for (const message of messages) {
      this.#unsettled.add(message.offset);
      this.backlog.push(message);
    }
    this.next = next;
  }

  settled(offset: bigint): void {
    this.#unsettled.delete(offset);
  }

  lose(): void {
    this.isLost = true;
    this.backlog.length = 0;
  }
}
