/** One event, ready to be sent. */
export interface ReplayedEvent {
  readonly executionId: string;
  /** Of its execution. */
  readonly isFinal: boolean;
  /** A block of an event stream, UTF-8. */
  readonly block: Uint8Array;
}

const maxBytes = 8 * 1_024 * 1_024;

/** The newest events, each under its place: 1, 2, 3 and so on without a gap. Of too many, or too large ones, the oldest go. */
export class EventReplay {
  readonly #maxEvents: number;
  #events: ReplayedEvent[] = [];
  /** Index of the oldest. */
  #head = 0;
  #first = 1;
  #bytes = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  /** Place of the oldest event; where there is none, that of the next one. */
  get first(): number {
    return this.#first;
  }

  /** Place of the event that comes next. */
  get next(): number {
    return this.#first + this.#events.length - this.#head;
  }

  get(place: number): ReplayedEvent | undefined {
    return place < this.#first ? undefined : this.#events[this.#head + place - this.#first];
  }

  push(event: ReplayedEvent): void {
    this.#events.push(event);
    this.#bytes += event.block.byteLength;
    while (this.next - this.#first > this.#maxEvents || (this.#bytes > maxBytes && this.next - this.#first > 1)) {
      this.#bytes -= this.#events[this.#head]?.block.byteLength ?? 0;
      this.#head += 1;
      this.#first += 1;
    }
    // Seldom enough to cost nothing, and often enough that no more is held in vain than is held.
    if (this.#head > 64 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}
