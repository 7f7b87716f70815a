import type { Clock } from "../../ports/clock.ts";
import { StoreWatchers } from "../records/store-watchers.ts";
import type { PostgresPoolClientLike } from "./postgres-client.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

const pingMs = 10_000;
const maxBackoffMs = 5_000;

/** One connection that listens for all watchers of a store: listens first, reads then, and again after each loss. */
export class PostgresListener {
  readonly watchers = new StoreWatchers();
  readonly #connection: PostgresConnection;
  readonly #clock: Clock;
  #client: PostgresPoolClientLike | undefined;
  #connecting: Promise<void> | undefined;
  #timer: unknown;
  #closed = false;

  constructor(connection: PostgresConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Resolves once notifications arrive. */
  listen(): Promise<void> {
    if (this.#client !== undefined) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    this.#client?.release(true);
    this.#client = undefined;
  }

  async #connect(): Promise<void> {
    await this.#connection.ready();
    const client = await this.#connection.connect();
    const lost = () => this.#lost(client);
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ((message: { channel: string; payload?: string }) =>
      this.#hear(message.channel, message.payload ?? "")) as never);
    try {
      const { work, control, final } = this.#connection.names;
      await this.#connection.inTime(client.query({ text: `LISTEN "${work}"; LISTEN "${control}"; LISTEN "${final}"` }));
    } catch (error) {
      client.release(true);
      throw error;
    }
    if (this.#closed) return client.release(true);
    this.#client = client;
    this.#ping(client);
  }

  /** A connection whose other end is gone without a word is found out by asking. */
  #ping(client: PostgresPoolClientLike): void {
    this.#timer = this.#clock.setTimeout(
      () => {
        const late = this.#clock.setTimeout(() => this.#lost(client), pingMs, true);
        client.query({ text: "SELECT 1" }).then(
          () => {
            this.#clock.clearTimeout(late);
            if (client === this.#client) this.#ping(client);
          },
          () => {
            this.#clock.clearTimeout(late);
            this.#lost(client);
          },
        );
      },
      pingMs,
      true,
    );
  }

  #lost(client: PostgresPoolClientLike): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#clock.clearTimeout(this.#timer);
    client.release(true);
    this.#reconnect(50);
  }

  #reconnect(delayMs: number): void {
    if (this.#closed) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.listen().then(
          () => this.watchers.tellAllMissed(),
          () => this.#reconnect(Math.min(maxBackoffMs, delayMs * 2)),
        );
      },
      delayMs,
      true,
    );
  }

  #hear(channel: string, payload: string): void {
    const { work, control } = this.#connection.names;
    if (channel === work) {
      this.watchers.tell(payload, { type: "claimable" });
      return;
    }
    const { name, type, ids } = JSON.parse(payload) as { name: string; type?: "cancelRequested" | "signalled"; ids?: string[] };
    if (ids === undefined) this.watchers.tell(name, { type: "missed" });
    else this.watchers.tell(name, { type: channel === control ? (type ?? "signalled") : "final", ids });
  }
}
