/** One block of an event stream; a comment has only `comment`. */
export interface ReadEvent {
  readonly id?: string;
  readonly type?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects in there
  readonly data?: any;
  readonly comment?: string;
}

/** Reads an event stream block by block. */
export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";
  lastEventId: string | undefined;

  constructor({ body }: Response) {
    if (body === null) throw new Error("there is no stream");
    this.#reader = body.getReader();
  }

  /** The next block; undefined at the end. */
  async next(): Promise<ReadEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const block = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return this.#parse(block);
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Types of all events up to and with one of this type, or to the end. */
  async until(type: string): Promise<ReadEvent[]> {
    const events: ReadEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      if (event.type !== undefined) events.push(event);
      if (event.type === type) break;
    }
    return events;
  }

  async leave(): Promise<void> {
    await this.#reader.cancel();
  }

  #parse(block: string): ReadEvent {
    const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
    const [id, type, data, comment] = ["id", "event", "data", ""].map((field) => fields.get(field));
    if (id !== undefined) this.lastEventId = id;
    return {
      ...(id !== undefined && { id }),
      ...(type !== undefined && { type }),
      ...(data !== undefined && { data: JSON.parse(data) }),
      ...(comment !== undefined && { comment }),
    };
  }
}
