import type { EventReplay } from "./event-replay.ts";
import { sseBlock } from "./sse-block.ts";

/** What is put together for one write. */
const chunkBytes = 65_536;
/** Heartbeats that a reader may leave unread. */
const maxUnread = 4;

/** Where a reader is in the events, and what comes next. Shared among readers that are at the same place. */
export interface EventBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly next: number;
}

interface EventClientOptions {
  readonly epoch: string;
  readonly replay: EventReplay;
  /** Of these events only. */
  readonly executionId: string | undefined;
  /** Place of the first event that it has not seen. */
  readonly place: number;
  /** Batches made since the last event came, by their first place. */
  readonly batches: Map<number, EventBatch>;
  onEnd(client: EventClient): void;
}

/** One reader of an event stream. It has no queue of its own: what it has not read is in the replay, or missed and told as missed. */
export class EventClient {
  readonly executionId: string | undefined;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #options: EventClientOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #opened = false;
  #ended = false;
  #place: number;
  /** Nothing in the replay before the next event of its execution is for it. */
  #isUpToDate: boolean;
  #isLast = false;
  #unread = 0;
  #isKnown: (block: Uint8Array) => boolean = () => false;

  constructor(options: EventClientOptions) {
    this.#options = options;
    this.executionId = options.executionId;
    this.#place = options.place;
    this.#isUpToDate = options.executionId !== undefined && options.place === options.replay.next;
    this.stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.pump(),
        cancel: () => this.#leave(),
      },
      { highWaterMark: 1 },
    );
  }

  /** Sends this before anything else, and from then on the events, but those that are known from before. */
  open(block: Uint8Array<ArrayBuffer>, isKnown?: (block: Uint8Array) => boolean): void {
    if (this.#ended) return;
    if (isKnown !== undefined) this.#isKnown = isKnown;
    this.#controller.enqueue(block);
    this.#opened = true;
    this.pump();
  }

  /** There is an event of its execution at this place. */
  expect(place: number): void {
    if (!this.#isUpToDate) return;
    this.#isUpToDate = false;
    this.#place = place;
  }

  /** Sends what there is, as long as it is read. */
  pump(): void {
    if (!this.#opened) return;
    while (!this.#ended && (this.#controller.desiredSize ?? 0) > 0) {
      this.#unread = 0;
      const batch = this.executionId === undefined ? this.#sharedBatch() : this.#ownBatch(this.executionId);
      if (batch === undefined) {
        if (this.#isLast) this.end();
        return;
      }
      this.#place = batch.next;
      if (batch.bytes.byteLength > 0) this.#controller.enqueue(batch.bytes);
      if (batch.isLast) this.end();
    }
  }

  /** Shows that it is there. Whoever has not read for long is let go. */
  beat(heartbeat: Uint8Array<ArrayBuffer>): void {
    if (this.#ended || !this.#opened) return;
    if ((this.#controller.desiredSize ?? 0) > 0) {
      this.#controller.enqueue(heartbeat);
      return;
    }
    this.#unread += 1;
    if (this.#unread >= maxUnread) this.end();
  }

  /** Nothing will come any more: it ends when it has read what there is. */
  finish(): void {
    this.#isLast = true;
    this.pump();
  }

  /** What is on its way arrives; nothing follows. */
  end(): void {
    if (this.#ended) return;
    this.#controller.close();
    this.#leave();
  }

  #leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(this);
  }

  #sharedBatch(): (EventBatch & { isLast?: boolean }) | undefined {
    const { batches, replay } = this.#options;
    if (this.#place === replay.next) return undefined;
    const known = batches.get(this.#place);
    if (known !== undefined) return known;
    const batch = this.#collect(() => true);
    batches.set(this.#place, batch);
    return batch;
  }

  #ownBatch(executionId: string): (EventBatch & { isLast: boolean }) | undefined {
    if (this.#isUpToDate) return undefined;
    const batch = this.#collect((event) => event.executionId === executionId);
    if (batch.next === this.#options.replay.next) this.#isUpToDate = true;
    return batch;
  }

  #collect(isWanted: (event: { executionId: string }) => boolean): EventBatch & { isLast: boolean } {
    const { replay, epoch } = this.#options;
    const blocks: Uint8Array[] = [];
    let bytes = 0;
    let place = this.#place;
    let isLast = false;
    if (place < replay.first) {
      const missed = sseBlock({ id: `${epoch}-${replay.first - 1}`, type: "events.missed", data: missedNotice(replay.first - place) });
      blocks.push(missed);
      bytes += missed.byteLength;
      place = replay.first;
    }
    for (; place < replay.next && bytes < chunkBytes && !isLast; place += 1) {
      const event = replay.get(place);
      if (event === undefined || !isWanted(event)) continue;
      isLast = event.isFinal && this.executionId !== undefined;
      if (this.#isKnown(event.block)) continue;
      blocks.push(event.block);
      bytes += event.block.byteLength;
    }
    return { bytes: join(blocks, bytes), next: place, isLast };
  }
}

/** `missed` is absent where it is not known how many. */
export function missedNotice(missed: number | undefined): string {
  return JSON.stringify({ type: "events.missed", ...(missed !== undefined && { missed }) });
}

function join(blocks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const block of blocks) {
    joined.set(block, offset);
    offset += block.byteLength;
  }
  return joined;
}
