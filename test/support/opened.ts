interface Closable {
  close(): Promise<void>;
}

/** What a test has opened, to be closed all at once. */
export class Opened {
  readonly #all: Closable[] = [];

  add<One extends Closable>(one: One): One {
    this.#all.push(one);
    return one;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((one) => one.close()));
  }
}
