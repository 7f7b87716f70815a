import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { StoreNotice, StoreWatch, WatchRequest } from "../ports/store-message.ts";
import type { Patience } from "./durable-patience.ts";

/** How long a close waits for a store that does not answer. */
const closeMs = 1_000;

/** The one subscription of a process to what happens in the store. Opened when it is first needed, and again until that succeeds. */
export class DurableWatch {
  readonly #store: ExecutionStore;
  readonly #request: WatchRequest;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #notice: (notice: StoreNotice) => void;
  #opened: Promise<StoreWatch | undefined> | undefined;
  #closed = false;

  constructor(store: ExecutionStore, request: WatchRequest, clock: Clock, patience: Patience, notice: (notice: StoreNotice) => void) {
    this.#store = store;
    this.#request = request;
    this.#clock = clock;
    this.#patience = patience;
    this.#notice = notice;
  }

  /** From when it resolves, what happens is told; looking at intervals has to do while it does not. */
  async open(): Promise<void> {
    this.#opened ??= this.#open();
    await this.#opened;
  }

  async follow(ids: readonly string[]): Promise<void> {
    await this.open();
    const watch = await this.#opened;
    await this.#patience.call(async () => watch?.follow(ids));
  }

  unfollow(ids: readonly string[]): void {
    // Closing ends it anyway, and a watch that never opened follows nothing.
    if (!this.#closed) void this.#opened?.then((watch) => watch?.unfollow(ids)).catch(() => {});
  }

  /** One that the store opens or ends later than within a second is ended then. */
  async close(): Promise<void> {
    this.#closed = true;
    const close = async () => {
      const watch = await this.#opened?.catch(() => undefined);
      await watch?.close();
    };
    let timer: unknown;
    const tooLate = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, closeMs);
    });
    const closed = close();
    // One that fails later has nobody to tell.
    closed.catch(() => {});
    await Promise.race([closed, tooLate]).finally(() => this.#clock.clearTimeout(timer));
  }

  async #open(): Promise<StoreWatch | undefined> {
    for (let failures = 1; !this.#closed; failures++) {
      try {
        const watch = await this.#store.watch(this.#request, (notice) => {
          if (!this.#closed) this.#notice(notice);
        });
        // Something may have happened since the first look of a worker, or since the first try.
        if (failures > 1 || this.#request.work) this.#notice({ type: "missed" });
        return watch;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || this.#patience.isOver) throw error;
        await this.#patience.pause(failures);
      }
    }
    return undefined;
  }
}
