import { CoordinatorClosedError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RedisClientLike } from "./redis-client.ts";
import { disconnected } from "./redis-connection.ts";
import { toRedisError } from "./redis-errors.ts";
import { type Bullmq, type BullmqQueue, type BullmqWorker, loadBullmq } from "./redis-queue-bullmq.ts";

export interface RedisQueueConnectionOptions {
  readonly url: string | undefined;
  readonly client: RedisClientLike | undefined;
  readonly keyPrefix: string;
  readonly operationTimeoutMs: number;
  readonly clock: Clock;
}

import { reconnect } from "./redis-reconnect.ts";

/** How long a close waits for a server that does not answer. */
const closeMs = 1_000;

/** The client that BullMQ's queues and workers share, and time limits on what is asked of them. */
export class RedisQueueConnection {
  readonly #options: RedisQueueConnectionOptions;
  readonly #queues = new Map<string, BullmqQueue>();
  #opening: Promise<{ readonly bullmq: Bullmq; readonly client: RedisClientLike }> | undefined;
  readonly #duplicates = new Set<RedisClientLike>();
  #isDurable = false;
  #isClosed = false;
  /** What is waited for: when all is closed, nobody answers it any more. */
  readonly #waiting = new Set<() => void>();

  constructor(options: RedisQueueConnectionOptions) {
    this.#options = options;
  }

  /** As far as the server has told; before that not. */
  get isDurable(): boolean {
    return this.#isDurable;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  assertOpen(): void {
    if (this.#isClosed) throw new CoordinatorClosedError("the Redis queue is closed");
  }

  /** Rejects with `StoreUnavailableError` when there is no connection, or none in time. */
  async queue(name: string): Promise<BullmqQueue> {
    const { bullmq, client } = await this.#ready();
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = bullmq.queue(queueName(name), this.#prefix, client);
    this.#queues.set(name, queue);
    try {
      await this.inTime(queue.waitUntilReady());
    } catch (error) {
      // One that has failed once does not recover.
      this.#queues.delete(name);
      void queue.close().catch(() => {});
      throw error;
    }
    return queue;
  }

  async worker(name: string, lockMs: number): Promise<BullmqWorker> {
    const { bullmq, client } = await this.#ready();
    const worker = bullmq.worker(queueName(name), this.#prefix, client, lockMs);
    try {
      await this.inTime(worker.waitUntilReady());
      this.assertOpen();
    } catch (error) {
      void worker.close(true).catch(() => {});
      throw error;
    }
    return worker;
  }

  /** Rejects with `StoreUnavailableError` when it takes too long or the connection is lost. */
  async inTime<Result>(work: Promise<Result>): Promise<Result> {
    const { clock, operationTimeoutMs } = this.#options;
    let giveUp: (error: Error) => void = () => {};
    const over = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const ended = () => giveUp(new CoordinatorClosedError("the Redis queue is closed"));
    const timer = clock.setTimeout(() => {
      // A socket whose other end says nothing is not waited for by every later call as well.
      if (this.#options.client === undefined) void this.#opening?.then(({ client }) => reconnect(client)).catch(() => {});
      giveUp(new StoreUnavailableError(`Redis gave no answer within ${operationTimeoutMs} ms`));
    }, operationTimeoutMs);
    this.#waiting.add(ended);
    try {
      return await Promise.race([work, over]);
    } catch (error) {
      this.assertOpen();
      throw toRedisError(error);
    } finally {
      clock.clearTimeout(timer);
      this.#waiting.delete(ended);
    }
  }

  /** `last` is done before; neither waits for a server that does not answer. */
  async close(last: () => Promise<unknown>): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opening?.catch(() => undefined);
    const { clock } = this.#options;
    let timer: unknown;
    const enough = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, closeMs);
    });
    const quietly = async () => {
      await last();
      await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    };
    await Promise.race([quietly().catch(() => {}), enough]);
    clock.clearTimeout(timer);
    for (const ended of this.#waiting) ended();
    if (opened === undefined) return;
    opened.client.removeListener("ready", this.#becameReady);
    if (this.#options.client !== undefined) return void opened.client.removeListener("error", this.#ignore);
    // Also those that a consumer has opened meanwhile. BullMQ has ended most of them, which shows a turn later.
    const clients = [opened.client, ...this.#duplicates];
    await this.#pause(0);
    const left = clients.filter(({ status }) => status !== "end");
    await Promise.all(left.map((client) => (client.status === "disconnecting" ? ended(client) : disconnected(client))));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimeout(resolve, ms));
  }

  get #prefix(): string {
    return `${this.#options.keyPrefix}:queue`;
  }

  async #ready(): Promise<{ readonly bullmq: Bullmq; readonly client: RedisClientLike }> {
    this.assertOpen();
    this.#opening ??= this.#open();
    const opened = await this.#opening;
    if (opened.client.status !== "ready") await this.inTime(this.#untilReady(opened.client));
    return opened;
  }

  async #open(): Promise<{ readonly bullmq: Bullmq; readonly client: RedisClientLike }> {
    const { url = "", operationTimeoutMs } = this.#options;
    try {
      const bullmq = await loadBullmq();
      const client = this.#options.client ?? bullmq.openClient(url, operationTimeoutMs, (copy) => this.#keep(copy));
      client.on("error", this.#ignore);
      client.on("ready", this.#becameReady);
      if (client.status === "ready") void this.#askDurability(client);
      return { bullmq, client };
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  /** Until it has ended, as it does with its consumer. */
  #keep(duplicate: RedisClientLike): void {
    this.#duplicates.add(duplicate);
    duplicate.once("end", () => void this.#duplicates.delete(duplicate));
  }

  /** The loss of a connection shows in the calls that it fails. */
  readonly #ignore = (): void => {};

  readonly #becameReady = (): void => {
    void this.#opening?.then(({ client }) => this.#askDurability(client)).catch(() => {});
  };

  #untilReady(client: RedisClientLike): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => () => {
        client.removeListener("ready", onReady);
        client.removeListener("close", onClose);
        how();
      };
      const onReady = settle(resolve);
      const onClose = settle(() => reject(new Error("the connection cannot be made")));
      client.on("ready", onReady);
      client.on("close", onClose);
      if (client.status === "wait" || client.status === "end") client.connect().catch(() => {});
    });
  }

  async #askDurability(client: RedisClientLike): Promise<void> {
    try {
      this.#isDurable = /^aof_enabled:1\r?$/m.test(String(await client.call("INFO", ["persistence"])));
    } catch {
      // Not all servers let everybody ask.
    }
  }
}

function ended(client: RedisClientLike): Promise<void> {
  return new Promise((resolve) => void client.on("end", resolve));
}

/** A name without colons, which BullMQ does not take, in the braces by which a cluster chooses its place. Two names never make the same. */
function queueName(name: string): string {
  const word = name.replace(/[^A-Za-z0-9_.-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `{${word}}`;
}
