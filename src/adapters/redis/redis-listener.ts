import type { Clock } from "../../ports/clock.ts";
import type { StoreNotice, StoreWatch, WatchRequest } from "../../ports/store-message.ts";
import { StoreWatchers } from "../records/store-watchers.ts";
import type { RedisClientLike } from "./redis-client.ts";
import { disconnected, type RedisConnection } from "./redis-connection.ts";

const pingMs = 10_000;

type Kind = "work" | "control" | "final";

import { reconnect } from "./redis-reconnect.ts";

/** One connection that is subscribed for all watchers of a store: subscribed first, then looked, and again after each loss. */
export class RedisListener {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #watchers = new StoreWatchers();
  /** How many watchers want each channel. */
  readonly #wanted = new Map<string, number>();
  readonly #meaning = new Map<string, { readonly name: string; readonly kind: Kind }>();
  #client: RedisClientLike | undefined;
  #opening: Promise<RedisClientLike> | undefined;
  #timer: unknown;
  #closed = false;

  constructor(connection: RedisConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  async watch(request: WatchRequest, listener: (notice: StoreNotice) => void): Promise<StoreWatch> {
    const { name, work, control } = request;
    await this.#connection.ready();
    const watch = this.#watchers.watch(request, listener);
    const kinds = new Set<Kind>();
    const listen = async (...wanted: Kind[]) => {
      const added = wanted.filter((kind) => !kinds.has(kind));
      for (const kind of added) kinds.add(kind);
      await this.#want(name, added);
    };
    const close = async () => {
      await watch.close();
      await this.#leave(name, [...kinds]);
      kinds.clear();
    };
    try {
      await listen(...(work ? (["work"] as const) : []), ...(control ? (["control"] as const) : []));
    } catch (error) {
      await close();
      throw error;
    }
    return {
      async follow(ids) {
        await watch.follow(ids);
        if (ids.length > 0) await listen("final");
      },
      unfollow: (ids) => watch.unfollow(ids),
      close,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    const client = await this.#opening?.catch(() => undefined);
    if (client !== undefined) await disconnected(client);
  }

  /** Subscribed, or about to be with the next connection, which tells that something may have been missed. */
  async #want(name: string, kinds: readonly Kind[]): Promise<void> {
    const channels = kinds.map((kind) => {
      const channel = `${this.#connection.base(name)}${kind}`;
      this.#wanted.set(channel, (this.#wanted.get(channel) ?? 0) + 1);
      this.#meaning.set(channel, { name, kind });
      return channel;
    });
    if (channels.length === 0) return;
    const client = await this.#open();
    await this.#connection.inTime(client.subscribe(...channels));
  }

  async #leave(name: string, kinds: readonly Kind[]): Promise<void> {
    const channels = kinds.map((kind) => `${this.#connection.base(name)}${kind}`);
    for (const channel of channels) this.#wanted.set(channel, (this.#wanted.get(channel) ?? 1) - 1);
    const unwanted = channels.filter((channel) => this.#wanted.get(channel) === 0);
    for (const channel of unwanted) this.#wanted.delete(channel);
    const client = this.#client;
    if (unwanted.length > 0 && client?.status === "ready") await client.unsubscribe(...unwanted).catch(() => {});
  }

  #open(): Promise<RedisClientLike> {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<RedisClientLike> {
    const client = await this.#connection.duplicate();
    const connected = new Promise<void>((resolve, reject) => {
      client.on("ready", resolve);
      client.on("end", () => reject(new Error("the connection of the listener is closed")));
    });
    if (client.status === "wait") client.connect().catch(() => {});
    try {
      await this.#connection.inTime(connected);
    } catch (error) {
      await disconnected(client);
      throw error;
    }
    client.on("message", (channel: string, message: string) => this.#hear(channel, message));
    client.on("ready", () => void this.#again(client));
    this.#client = client;
    this.#ping(client);
    return client;
  }

  /** A new connection after one was lost. */
  async #again(client: RedisClientLike): Promise<void> {
    try {
      const channels = [...this.#wanted.keys()];
      if (channels.length > 0) await this.#connection.inTime(client.subscribe(...channels));
      this.#watchers.tellAllMissed();
    } catch {
      if (!this.#closed) reconnect(client);
    }
  }

  /** A connection whose other end is gone without a word is found out by asking. */
  #ping(client: RedisClientLike): void {
    const again = () => {
      if (!this.#closed) this.#ping(client);
    };
    this.#timer = this.#clock.setTimeout(
      () => {
        if (client.status !== "ready") return again();
        this.#connection.inTime(client.ping()).then(again, () => {
          if (!this.#closed) reconnect(client);
          again();
        });
      },
      pingMs,
      true,
    );
  }

  #hear(channel: string, message: string): void {
    const meaning = this.#meaning.get(channel);
    if (meaning === undefined) return;
    const { name, kind } = meaning;
    if (kind === "work") this.#watchers.tell(name, { type: "claimable" });
    else if (kind === "final") this.#watchers.tell(name, { type: "final", ids: JSON.parse(message) as string[] });
    else {
      const [type, ids] = JSON.parse(message) as ["cancelRequested" | "signalled", string[]];
      this.#watchers.tell(name, { type, ids });
    }
  }
}
