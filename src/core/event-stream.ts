import type { EventsOverflowed, ExecutionEvent } from "../model/execution-event.ts";

/** Events that may wait to be read. Of more than that the oldest are dropped, and told as one notice. */
const bufferSize = 10_000;

type Item<Output> = ExecutionEvent<Output> | EventsOverflowed;

/** One reader's view of the events. A slow reader costs at most its buffer. */
export class EventStream<Output> implements AsyncIterableIterator<Item<Output>> {
  readonly #onEnd: () => void;
  readonly #readers: ((result: IteratorResult<Item<Output>>) => void)[] = [];
  #buffer: ExecutionEvent<Output>[] = [];
  #head = 0;
  #dropped = 0;
  #ended = false;

  /** `onEnd` is called once, when the reader leaves or the stream is ended. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  push(event: ExecutionEvent<Output>): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return;
    }
    if (this.#buffer.length - this.#head >= bufferSize) {
      this.#head += 1;
      this.#dropped += 1;
    }
    this.#buffer.push(event);
    this.#compact();
  }

  /** What is buffered can still be read; then the stream is over. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  async next(): Promise<IteratorResult<Item<Output>>> {
    if (this.#dropped > 0) {
      const dropped = this.#dropped;
      this.#dropped = 0;
      return { done: false, value: { type: "events.overflowed", dropped } };
    }
    const event = this.#buffer[this.#head];
    if (event !== undefined) {
      this.#head += 1;
      this.#compact();
      return { done: false, value: event };
    }
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  async return(): Promise<IteratorResult<Item<Output>>> {
    this.#buffer = [];
    this.#head = 0;
    this.#dropped = 0;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Lets go of what was read, seldom enough to cost nothing. */
  #compact(): void {
    if (this.#head < bufferSize && this.#head < this.#buffer.length) return;
    this.#buffer = this.#buffer.slice(this.#head);
    this.#head = 0;
  }
}
