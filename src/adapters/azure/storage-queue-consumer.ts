import type { Clock } from "../../ports/clock.ts";
import type { ConsumeOptions, Delivery, QueueConsumer } from "../../ports/execution-queue.ts";
import type { StorageQueueClientLike } from "./storage-queue-client.ts";
import { StorageQueueLoan, type StorageQueueLoanOptions, toSeconds } from "./storage-queue-loan.ts";

/** What the service hands out at once. */
const mostAtOnce = 32;
const firstPauseMs = 50;

export interface StorageQueueConsumerOptions extends Pick<StorageQueueLoanOptions, "call" | "keepAside"> {
  readonly clock: Clock;
  readonly queue: StorageQueueClientLike;
  readonly minPollMs: number;
  readonly maxPollMs: number;
  readonly consume: ConsumeOptions;
  decode(text: string): string;
  handle(delivery: Delivery): void;
  onError(error: unknown): void;
}

/** Looks for messages: at once while there are some, and after each look that finds none twice as long after it as before. */
export class StorageQueueConsumer implements QueueConsumer {
  readonly name: string;
  readonly #options: StorageQueueConsumerOptions;
  readonly #loans = new Set<StorageQueueLoan>();
  #maxInFlight: number;
  #isClosing = false;
  #failures = 0;
  #pauseMs = 0;
  #goOn: () => void = () => {};
  #goesOnWhenRoom = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: StorageQueueConsumerOptions) {
    this.#options = options;
    this.name = options.consume.name;
    this.#maxInFlight = options.consume.maxInFlight;
  }

  start(): void {
    this.#running = this.#run();
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    this.#roomChanged();
  }

  /** There may be a message now. */
  look(): void {
    if (this.#failures > 0) return;
    this.#pauseMs = 0;
    this.#goOn();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#goOn();
    await this.#running;
  }

  /** Gives back what is on loan, too. */
  async end(): Promise<void> {
    await this.close();
    await Promise.allSettled([...this.#loans].map((loan) => loan.nack()));
  }

  async #run(): Promise<void> {
    const { minPollMs, maxPollMs, onError } = this.#options;
    while (!this.#isClosing) {
      const wanted = Math.min(mostAtOnce, this.#maxInFlight - this.#loans.size);
      if (wanted <= 0) {
        this.#goesOnWhenRoom = true;
        await this.#pause();
        continue;
      }
      try {
        const found = await this.#take(wanted);
        this.#failures = 0;
        this.#pauseMs = found > 0 ? 0 : Math.min(maxPollMs, Math.max(minPollMs, this.#pauseMs * 2));
      } catch (error) {
        if (this.#isClosing) return;
        onError(error);
        this.#failures += 1;
        this.#pauseMs = Math.min(maxPollMs, firstPauseMs * 2 ** Math.min(10, this.#failures));
      }
      if (this.#pauseMs > 0) await this.#pause(this.#pauseMs);
    }
  }

  async #pause(ms?: number): Promise<void> {
    if (this.#isClosing) return;
    const { clock } = this.#options;
    let timer: unknown;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      if (ms !== undefined) timer = clock.setTimeout(resolve, ms, true);
    });
    clock.clearTimeout(timer);
    this.#goesOnWhenRoom = false;
  }

  #roomChanged(): void {
    if (this.#goesOnWhenRoom) this.#goOn();
  }

  async #take(wanted: number): Promise<number> {
    const { clock, queue, consume, decode, handle, call, keepAside } = this.#options;
    const visibilityTimeout = toSeconds(consume.visibilityTimeoutMs, 1);
    const endsAt = clock.now() + visibilityTimeout * 1_000;
    const { receivedMessageItems } = await call("receive", (abortSignal) =>
      queue.receiveMessages({ numberOfMessages: wanted, visibilityTimeout, abortSignal }),
    );
    for (const received of receivedMessageItems) {
      const loan: StorageQueueLoan = new StorageQueueLoan({
        ...{ clock, queue, received, endsAt, call, keepAside },
        raw: decode(received.messageText),
        ended: () => {
          this.#loans.delete(loan);
          this.#roomChanged();
        },
      });
      const isWanted = !this.#isClosing && this.#loans.size < this.#maxInFlight;
      this.#loans.add(loan);
      // It was asked for before there was no room for it any more.
      if (isWanted) handle(loan);
      else await loan.nack().catch(() => {});
    }
    return receivedMessageItems.length;
  }
}
