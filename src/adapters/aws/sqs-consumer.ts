import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery, QueueConsumer } from "../../ports/execution-queue.ts";
import type { SqsConnection, SqsMessage } from "./sqs-connection.ts";
import { SqsLoan, type SqsLoanOptions, toVisibilitySeconds } from "./sqs-loan.ts";

/** SQS hands out no more at once. */
const mostReceived = 10;
const longestPauseMs = 5_000;

export interface SqsConsumerOptions extends Pick<SqsLoanOptions, "delays" | "remove" | "hide" | "putAside"> {
  readonly connection: SqsConnection;
  readonly queue: string;
  readonly visibilityTimeoutMs: number;
  readonly maxInFlight: number;
  readonly waitSeconds: number;
  readonly clock: Clock;
  handle(delivery: Delivery): void;
  reportError(error: unknown): void;
}

/** Asks for messages, waiting at the service, whenever there is room for one. */
export class SqsConsumer implements QueueConsumer {
  readonly #options: SqsConsumerOptions;
  readonly #loans = new Set<SqsLoan>();
  readonly #visibilitySeconds: number;
  #maxInFlight: number;
  #open = true;
  #ended = false;
  #wake: () => void = () => {};

  constructor(options: SqsConsumerOptions) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight;
    this.#visibilitySeconds = Math.max(1, toVisibilitySeconds(options.visibilityTimeoutMs));
    void this.#run();
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    this.#wake();
  }

  /** What a call that is under way still brings is given back when it comes; cutting the call off would hide it for a whole timeout. */
  async close(): Promise<void> {
    this.#open = false;
    this.#wake();
  }

  /** Nothing comes any more, and what is on loan goes back. */
  async end(): Promise<void> {
    this.#open = false;
    this.#ended = true;
    this.#wake();
    // They are open, so each gives back what it holds.
    await Promise.allSettled([...this.#loans].map((loan) => loan.nack()));
  }

  get #room(): number {
    return this.#maxInFlight - this.#loans.size;
  }

  async #run(): Promise<void> {
    const { connection, queue, waitSeconds, reportError } = this.#options;
    let failures = 0;
    while (this.#open) {
      if (this.#room <= 0) {
        await this.#pause();
        continue;
      }
      const most = Math.min(this.#room, mostReceived);
      try {
        const messages = await connection.receive(queue, { most, visibilitySeconds: this.#visibilitySeconds, waitSeconds });
        failures = 0;
        for (const message of messages) this.#take(message);
      } catch (error) {
        if (this.#ended) return;
        if (!(error instanceof StoreUnavailableError)) reportError(error);
        failures += 1;
        await this.#pause(Math.min(longestPauseMs, 50 * 2 ** failures));
      }
    }
  }

  /** Until there is something to do, or so long. */
  async #pause(ms?: number): Promise<void> {
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : clock.setTimeout(resolve, ms, true);
      this.#wake = () => {
        // After a failure only the end is a reason to hurry.
        if (ms !== undefined && this.#open) return;
        clock.clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  #take(message: SqsMessage): void {
    const { handle, hide, clock, delays, remove, putAside } = this.#options;
    if (!this.#open || this.#room <= 0) {
      void hide(message.receiptHandle, 0).catch(() => {});
      return;
    }
    const ended = (over: SqsLoan) => {
      this.#loans.delete(over);
      this.#wake();
    };
    const visibilityMs = this.#visibilitySeconds * 1_000;
    const loan = new SqsLoan({ message, visibilityMs, clock, delays, ended, remove, hide, putAside });
    this.#loans.add(loan);
    handle(loan);
  }
}
