import type { Clock } from "../../ports/clock.ts";
import type { Delivery } from "../../ports/execution-queue.ts";
import type { RabbitmqChannel, RabbitmqMessage } from "./rabbitmq-client.ts";
import { type Loan, rabbitmqDelivery } from "./rabbitmq-delivery.ts";
import type { OutgoingMessage } from "./rabbitmq-publisher.ts";

interface SubscriptionOptions {
  readonly channel: RabbitmqChannel;
  readonly clock: Clock;
  readonly name: string;
  readonly queue: string;
  handle(delivery: Delivery): void;
  publish(message: OutgoingMessage): Promise<boolean>;
}

/** A message that the broker has sent, and which of its consumers it came by. */
interface Sent {
  readonly message: RabbitmqMessage;
  readonly consumerTag: string;
}

/** The protocol knows no higher number. */
const mostPrefetched = 65_535;
/** How long the broker may send more than may be on loan before it is told. */
const tooMuchMs = 50;
/** How long an acknowledgement may be held back. */
const longestHeldMs = 5_000;

/**
 * One channel's messages. The broker sends as many as it has no acknowledgement of, and how many that may be is fixed when it is asked to
 * send: to change it takes a few round trips. A worker's room changes with every execution that starts or ends, so where it shrinks because
 * a message was used up, the acknowledgement is held back instead: the broker sends no other until the room is there again.
 */
export class RabbitmqSubscription {
  readonly #options: SubscriptionOptions;
  /** Handed out and not settled. */
  readonly #onLoan = new Set<Sent>();
  /** Sent, but more than may be on loan. */
  #surplus: Sent[] = [];
  /** Acknowledged here, but not yet to the broker. */
  #held: Sent[] = [];
  #maxInFlight = 0;
  /** How many the broker may have sent without acknowledgement by the current consumer; 0 without one. */
  #prefetch = 0;
  #consumerTag = "";
  #consumers = 0;
  #isOpen = true;
  #isLost = false;
  #tooMuch: unknown;
  #heldTooLong: unknown;
  #changing: Promise<void> | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Resolves when the broker knows, if it has to. */
  async setMaxInFlight(maxInFlight: number): Promise<void> {
    this.#maxInFlight = Math.min(maxInFlight, mostPrefetched);
    this.#balance();
    await this.#changing;
  }

  /** Nothing is handed out any more; the channel ends with the last loan. */
  async close(): Promise<void> {
    this.#isOpen = false;
    // One that is under way may not have known.
    await this.#changing;
    await this.#change();
    if (this.#onLoan.size === 0) await this.#endChannel();
  }

  async end(): Promise<void> {
    await this.close();
    await this.#endChannel();
  }

  /** The channel has ended. */
  lose(): void {
    this.#isLost = true;
    this.#isOpen = false;
    this.#stopTimers();
    this.#onLoan.clear();
    this.#surplus = [];
    this.#held = [];
  }

  #arrived(sent: Sent): void {
    if (this.#isLost) return;
    this.#surplus.push(sent);
    this.#balance();
  }

  #handOut(sent: Sent): void {
    const { name, handle, publish } = this.#options;
    this.#onLoan.add(sent);
    const subscription = this;
    const loan: Loan = {
      get isLost() {
        return subscription.#isLost;
      },
      end: (how) => this.#ended(sent, how),
    };
    handle(rabbitmqDelivery({ name, message: sent.message, loan, publish }));
  }

  #ended(sent: Sent, how: "ack" | "requeue"): void {
    this.#onLoan.delete(sent);
    if (how === "requeue") this.#giveBack(sent);
    else if (this.#isCurrent(sent) && this.#held.length < this.#surplusRoom()) this.#held.push(sent);
    else this.#acknowledge(sent);
    this.#balance();
    if (!this.#isOpen && this.#onLoan.size === 0) void this.#endChannel();
  }

  /** Hands out what may be, and sees to it that the broker does not send more than that. */
  #balance(): void {
    if (!this.#isOpen) return;
    while (this.#surplus.length > 0 && this.#onLoan.size < this.#maxInFlight) this.#handOut(this.#surplus.shift() as Sent);
    while (this.#held.length > Math.max(0, this.#surplusRoom())) this.#acknowledge(this.#held.shift() as Sent);
    if (this.#surplusRoom() < 0) {
      void this.#change();
      return;
    }
    const toCome = this.#prefetch - this.#held.length - this.#surplus.length - (this.#onLoan.size - this.#earlier());
    const isTooMuch = this.#surplus.length > 0 || toCome > Math.max(0, this.#maxInFlight - this.#onLoan.size);
    this.#tooMuch = this.#timer(this.#tooMuch, isTooMuch, tooMuchMs);
    this.#heldTooLong = this.#timer(this.#heldTooLong, this.#held.length > 0, longestHeldMs);
  }

  /** By how many the broker may send more than the current consumer's part of what may be on loan. */
  #surplusRoom(): number {
    return this.#prefetch - Math.max(0, this.#maxInFlight - this.#earlier());
  }

  /** On loan by consumers of before. */
  #earlier(): number {
    let earlier = 0;
    for (const sent of this.#onLoan) if (!this.#isCurrent(sent)) earlier += 1;
    return earlier;
  }

  #timer(timer: unknown, isNeeded: boolean, delayMs: number): unknown {
    const { clock } = this.#options;
    if (isNeeded) return timer ?? clock.setTimeout(() => void this.#change(), delayMs, true);
    clock.clearTimeout(timer);
    return undefined;
  }

  #stopTimers(): void {
    this.#tooMuch = this.#timer(this.#tooMuch, false, 0);
    this.#heldTooLong = this.#timer(this.#heldTooLong, false, 0);
  }

  /** Has the broker send as many as may be on loan now. One change after the other. */
  #change(): Promise<void> {
    this.#changing ??= this.#changeNow().finally(() => {
      this.#changing = undefined;
      // What has changed meanwhile.
      this.#balance();
    });
    return this.#changing;
  }

  async #changeNow(): Promise<void> {
    const { channel, queue } = this.#options;
    this.#stopTimers();
    try {
      if (this.#prefetch > 0) await channel.basicCancel({ consumerTag: this.#consumerTag });
      this.#prefetch = 0;
      this.#consumerTag = "";
      for (const sent of this.#held.splice(0)) this.#acknowledge(sent);
      for (const sent of this.#surplus.splice(0)) this.#giveBack(sent);
      const prefetch = this.#isOpen ? this.#maxInFlight - this.#onLoan.size : 0;
      if (prefetch <= 0) return;
      const consumerTag = `${++this.#consumers}`;
      this.#consumerTag = consumerTag;
      this.#prefetch = prefetch;
      await channel.basicQos({ prefetchCount: prefetch });
      await channel.basicConsume({ queue, consumerTag }, (message) => this.#arrived({ message, consumerTag }));
    } catch {
      // The channel has ended, or ends now: another one takes over.
      this.lose();
      void channel.close().catch(() => {});
    }
  }

  #isCurrent({ consumerTag }: Sent): boolean {
    return consumerTag === this.#consumerTag;
  }

  #acknowledge({ message }: Sent): void {
    const { channel } = this.#options;
    if (channel.active) channel.basicAck({ deliveryTag: message.deliveryTag });
  }

  #giveBack({ message }: Sent): void {
    const { channel } = this.#options;
    if (channel.active) channel.basicNack({ deliveryTag: message.deliveryTag, requeue: true });
  }

  async #endChannel(): Promise<void> {
    const { channel } = this.#options;
    if (this.#isLost || !channel.active) return;
    // The client forgets what it has not yet written when a channel is closed: after this answer it has written everything.
    await channel.basicQos({ prefetchCount: 0 }).catch(() => {});
    await channel.close().catch(() => {});
  }
}
