import type { Clock } from "../../ports/clock.ts";
import type { PublishReport } from "../../ports/execution-queue.ts";
import type { RabbitmqChannel } from "./rabbitmq-client.ts";
import { codeOf, type RabbitmqConnection } from "./rabbitmq-connection.ts";
import type { RabbitmqNames } from "./rabbitmq-names.ts";
import { RabbitmqTopology } from "./rabbitmq-topology.ts";

/** A message on its way to a queue of a coordinator. */
export interface OutgoingMessage {
  readonly name: string;
  readonly raw: string;
  readonly delayMs?: number;
  /** Instead of being handed out it is put aside, for this reason. */
  readonly asideBecause?: string;
  /** How often it was handed out before. */
  readonly deliveries?: number;
}

/** Headers of ours; what the broker counts and tells starts anew when a message is published again. */
export const reasonHeader = "x-actorfleet-reason";
export const deliveriesHeader = "x-actorfleet-deliveries";

/** A larger message would end the channel, and with it what others publish. Broker's own limits start at 16 MiB. */
export const maxMessageBytes = 1_048_576;

interface PublishingChannel {
  readonly channel: RabbitmqChannel;
  readonly topology: RabbitmqTopology;
  /** Messages that came back because no queue was there for them. */
  readonly returned: Set<string>;
}

const published: PublishReport = { published: true };

/** Publishes with confirms: what it reports as published the broker has on disk, on most of its nodes. */
export class RabbitmqPublisher {
  readonly #connection: RabbitmqConnection;
  readonly #names: RabbitmqNames;
  readonly #clock: Clock;
  #opening: Promise<PublishingChannel> | undefined;
  #lastId = 0;

  constructor(connection: RabbitmqConnection, names: RabbitmqNames, clock: Clock) {
    this.#connection = connection;
    this.#names = names;
    this.#clock = clock;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishReport[]> {
    this.#connection.assertOpen();
    const reports = messages.map(({ raw }) => sizeReport(raw));
    let open = messages.flatMap((_, index) => (reports[index] === undefined ? [index] : []));
    // Twice, because what was declared may be gone since: the first try finds that out.
    for (let tries = 1; tries <= 2 && open.length > 0; tries++) {
      const { causes, again } = await this.#send(open.map((index) => messages[index] as OutgoingMessage));
      for (const [place, index] of open.entries()) {
        const cause = causes[place];
        reports[index] = cause === undefined ? published : { published: false, reason: "unavailable", cause };
      }
      open = again ? open.filter((index) => reports[index] !== published) : [];
    }
    return reports as PublishReport[];
  }

  /** Why each was not published; and whether that may be because a queue or an exchange is gone. */
  async #send(messages: readonly OutgoingMessage[]): Promise<{ causes: readonly unknown[]; again: boolean }> {
    const causes: unknown[] = messages.map(() => new Error("RabbitMQ has not confirmed the message"));
    try {
      const publishing = await this.#open();
      await this.#connection.inTime(this.#declare(publishing, messages));
      const ids = messages.map(() => `${++this.#lastId}`);
      const confirmed = messages.map(async (message, index) => {
        try {
          await publishing.channel.basicPublish(...this.#envelope(message, ids[index] as string));
          causes[index] = undefined;
        } catch (error) {
          causes[index] = error;
        }
      });
      await this.#connection.inTime(Promise.all(confirmed));
      // A return comes before its confirm, but its event a turn later.
      await new Promise<void>((resolve) => (this.#clock.setImmediate ?? queueMicrotask)(resolve));
      const back = ids.map((id) => publishing.returned.delete(id));
      for (const [index, isBack] of back.entries()) if (isBack) causes[index] = new Error("RabbitMQ has no queue for the message");
      if (back.includes(true)) publishing.topology.forget();
      return { causes, again: back.includes(true) || causes.some((cause) => codeOf(cause) === "NOT_FOUND") };
    } catch (error) {
      this.#connection.assertOpen();
      if (codeOf(error) !== "STORE_UNAVAILABLE") throw error;
      return { causes: causes.map((cause) => cause && error), again: false };
    }
  }

  #envelope({ name, raw, delayMs = 0, asideBecause, deliveries = 0 }: OutgoingMessage, messageId: string) {
    const { work, aside, delay, delayed } = this.#names;
    const way = delayMs > 0 ? delayed(name, delayMs) : undefined;
    const route =
      way === undefined
        ? { exchange: "", routingKey: asideBecause === undefined ? work(name) : aside(name), mandatory: true }
        : { exchange: delay(way.step), routingKey: way.routingKey, mandatory: true };
    const headers = {
      ...(asideBecause !== undefined && { [reasonHeader]: asideBecause }),
      ...(deliveries > 0 && { [deliveriesHeader]: deliveries }),
    };
    const content = { contentType: "application/json", contentEncoding: "utf-8" };
    return [{ ...route, ...content, durable: true as const, messageId, headers }, Buffer.from(raw)] as const;
  }

  async #declare({ topology }: PublishingChannel, messages: readonly OutgoingMessage[]): Promise<void> {
    const names = new Set(messages.map(({ name }) => name));
    for (const name of names) await topology.work(name);
    const steps = messages.flatMap(({ name, delayMs = 0 }) => (delayMs > 0 ? [this.#names.delayed(name, delayMs).step] : []));
    if (steps.length > 0) await topology.delays(Math.max(...steps));
  }

  async #open(): Promise<PublishingChannel> {
    const current = this.#opening;
    const publishing = await current;
    if (publishing !== undefined && this.#connection.has(publishing.channel)) return publishing;
    if (this.#opening === current) {
      this.#opening = this.#openChannel();
      this.#opening.catch(() => {
        this.#opening = undefined;
      });
    }
    return this.#open();
  }

  async #openChannel(): Promise<PublishingChannel> {
    const channel = await this.#connection.channel();
    const returned = new Set<string>();
    channel.on("basic.return", ({ messageId }) => {
      if (messageId !== undefined) returned.add(messageId);
    });
    await this.#connection.inTime(channel.confirmSelect());
    return { channel, topology: new RabbitmqTopology(channel, this.#names), returned };
  }
}

function sizeReport(raw: string): PublishReport | undefined {
  const bytes = Buffer.byteLength(raw);
  if (bytes <= maxMessageBytes) return undefined;
  const cause = new RangeError(`a message of ${bytes} bytes; the RabbitMQ queue takes up to ${maxMessageBytes}`);
  return { published: false, reason: "tooLarge", cause };
}
