/** What comes of some work that is done for the first who asks, and kept for all others; after a failure the next who asks has it done again. */
export class LazyResult<Result> {
  readonly #work: () => Promise<Result>;
  #result: Promise<Result> | undefined;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  get(): Promise<Result> {
    this.#result ??= this.#work().catch((error: unknown) => {
      this.#result = undefined;
      throw error;
    });
    return this.#result;
  }

  /** Waits for work that is under way, but begins none. */
  async peek(): Promise<Result | undefined> {
    return this.#result?.catch(() => undefined);
  }
}
