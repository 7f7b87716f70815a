import type { RabbitmqChannel } from "./rabbitmq-client.ts";
import { delaySteps, type RabbitmqNames, stepMs } from "./rabbitmq-names.ts";

/** Where the broker has a limit of its own, a message that was refused so often is put aside: nearly never. */
const noDeliveryLimit = 2 ** 31 - 1;

/**
 * A message moves to where its time leads it only once that has it. Without this, what becomes due while the broker starts is lost (3.10.8):
 * the queue that it moves to has no leader yet. With it the broker tries again, if only after three minutes.
 */
const atLeastOnce = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/**
 * Declares queues and exchanges on a channel as they are needed, each once: a broker that was set up anew gets them again with the next
 * channel. Delays are steps of powers of two. A queue per step keeps every message for the same time, so none blocks another, and the
 * exchange before it leads past it what does not need it: the steps add up to the delay.
 */
export class RabbitmqTopology {
  readonly #channel: RabbitmqChannel;
  readonly #names: RabbitmqNames;
  #declared = new Map<string, Promise<void>>();

  constructor(channel: RabbitmqChannel, names: RabbitmqNames) {
    this.#channel = channel;
    this.#names = names;
  }

  /** What was declared may be gone. */
  forget(): void {
    this.#declared = new Map();
  }

  /** The queues of a coordinator, and that delayed messages find them. */
  work(name: string): Promise<void> {
    const { work, aside, due, dueKey } = this.#names;
    return this.#once(work(name), async () => {
      await this.#quorumQueue(aside(name), {});
      await this.#quorumQueue(work(name), { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": aside(name), ...atLeastOnce });
      await this.#due();
      await this.#channel.queueBind({ exchange: due, queue: work(name), routingKey: dueKey(name) });
    });
  }

  /** The steps of a delay from this one on. */
  async delays(step: number): Promise<void> {
    await this.#due();
    for (let lower = 0; lower <= Math.min(step, delaySteps - 1); lower++) await this.#delay(lower);
  }

  #delay(step: number): Promise<void> {
    const { delay, due, stepKey } = this.#names;
    const next = step === 0 ? due : delay(step - 1);
    return this.#once(delay(step), async () => {
      await this.#channel.exchangeDeclare({ exchange: delay(step), type: "topic", durable: true });
      await this.#quorumQueue(delay(step), { "x-message-ttl": stepMs(step), "x-dead-letter-exchange": next, ...atLeastOnce });
      await this.#channel.queueBind({ exchange: delay(step), queue: delay(step), routingKey: stepKey(step, true) });
      await this.#channel.exchangeBind({ source: delay(step), destination: next, routingKey: stepKey(step, false) });
    });
  }

  #due(): Promise<void> {
    const { due } = this.#names;
    return this.#once(due, () => this.#channel.exchangeDeclare({ exchange: due, type: "topic", durable: true }));
  }

  async #quorumQueue(queue: string, settings: Record<string, unknown>): Promise<void> {
    const all = { "x-queue-type": "quorum", "x-delivery-limit": noDeliveryLimit, ...settings };
    await this.#channel.queueDeclare({ queue, durable: true, arguments: all });
  }

  #once(what: string, declare: () => Promise<void>): Promise<void> {
    const declared = this.#declared;
    let declaring = declared.get(what);
    if (declaring === undefined) {
      declaring = declare();
      declared.set(what, declaring);
      declaring.catch(() => declared.delete(what));
    }
    return declaring;
  }
}
