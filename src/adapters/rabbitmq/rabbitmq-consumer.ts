import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import type { RabbitmqChannel } from "./rabbitmq-client.ts";
import type { RabbitmqConnection } from "./rabbitmq-connection.ts";
import type { RabbitmqNames } from "./rabbitmq-names.ts";
import type { OutgoingMessage } from "./rabbitmq-publisher.ts";
import { RabbitmqSubscription } from "./rabbitmq-subscription.ts";
import { RabbitmqTopology } from "./rabbitmq-topology.ts";

export interface RabbitmqConsumerOptions {
  readonly connection: RabbitmqConnection;
  readonly names: RabbitmqNames;
  readonly clock: Clock;
  readonly name: string;
  readonly maxInFlight: number;
  handle(delivery: Delivery): void;
  publish(message: OutgoingMessage): Promise<boolean>;
}

/** Between two tries to consume again: from the first to the longest. */
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** A subscription that is made anew, on a new channel and with all that it needs declared again, whenever it is lost. */
export class RabbitmqConsumer {
  readonly #options: RabbitmqConsumerOptions;
  #maxInFlight: number;
  #subscription: RabbitmqSubscription | undefined;
  #isOpen = true;
  #pause: unknown;

  constructor(options: RabbitmqConsumerOptions) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight;
  }

  /** The first time whoever consumes is told when that fails. */
  async open(): Promise<void> {
    const { connection, names, name, clock, handle, publish } = this.#options;
    const channel = await connection.channel();
    try {
      await connection.inTime(new RabbitmqTopology(channel, names).work(name));
      const subscription = new RabbitmqSubscription({ channel, clock, name, queue: names.work(name), handle, publish });
      channel.on("close", () => this.#lost(subscription));
      // The queue was deleted under it: the next one declares it again.
      channel.on("basic.cancel", () => closeQuietly(channel));
      await connection.inTime(subscription.setMaxInFlight(this.#maxInFlight));
      if (!this.#isOpen || !channel.active) throw new StoreUnavailableError("RabbitMQ ended the consumer at once");
      this.#subscription = subscription;
      void subscription.setMaxInFlight(this.#maxInFlight);
    } catch (error) {
      closeQuietly(channel);
      throw error;
    }
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    void this.#subscription?.setMaxInFlight(maxInFlight);
  }

  /** Loans stay, and with them their channel. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#stop();
    await this.#subscription?.close();
  }

  /** Loans end. */
  async end(): Promise<void> {
    this.#stop();
    await this.#subscription?.end();
  }

  #stop(): void {
    this.#isOpen = false;
    this.#options.clock.clearTimeout(this.#pause);
  }

  #lost(subscription: RabbitmqSubscription): void {
    subscription.lose();
    if (this.#subscription !== subscription) return;
    this.#subscription = undefined;
    if (this.#isOpen) void this.#reopen(firstPauseMs);
  }

  async #reopen(pauseMs: number): Promise<void> {
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      this.#pause = clock.setTimeout(resolve, pauseMs, true);
    });
    if (!this.#isOpen) return;
    try {
      await this.open();
    } catch {
      if (this.#isOpen) await this.#reopen(Math.min(longestPauseMs, pauseMs * 2));
    }
  }
}

function closeQuietly(channel: RabbitmqChannel): void {
  void channel.close().catch(() => {});
}
