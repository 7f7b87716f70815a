import { CoordinatorClosedError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { openRabbitmqClient, type RabbitmqChannel, type RabbitmqClient, type RabbitmqClientOptions } from "./rabbitmq-client.ts";

/** Codes of refusals that waiting does not change. */
const refusals = new Set(["ACCESS_REFUSED", "PRECONDITION_FAILED", "NOT_ALLOWED", "NOT_IMPLEMENTED", "INVALID_PATH"]);

/** How long a close waits for the broker to agree. */
const closeMs = 1_000;

/** A connection that is made when it is needed first, and made anew when it gave no answer in time. */
export class RabbitmqConnection {
  readonly #options: RabbitmqClientOptions & { readonly clock: Clock };
  #client: Promise<RabbitmqClient> | undefined;
  readonly #channels = new Set<RabbitmqChannel>();
  /** When what was ended last has ended. */
  #dropped: Promise<void> | undefined;
  #lastError: unknown;
  #closed = false;

  constructor(options: RabbitmqClientOptions & { readonly clock: Clock }) {
    this.#options = options;
  }

  assertOpen(): void {
    if (this.#closed) throw new CoordinatorClosedError("the RabbitMQ queue is closed");
  }

  /** A channel of the caller's own. Rejects with `StoreUnavailableError` when none is to be had in time. */
  async channel(): Promise<RabbitmqChannel> {
    this.assertOpen();
    this.#client ??= this.#open();
    const opening = this.#client.then((client) => client.acquire());
    try {
      const channel = await this.inTime(opening);
      this.#channels.add(channel);
      channel.on("close", () => this.#channels.delete(channel));
      return channel;
    } catch (error) {
      // One that comes too late is nobody's.
      opening.then((channel) => channel.close()).catch(() => {});
      throw error;
    }
  }

  /** Rejects with `StoreUnavailableError` when the broker does not do it, or not in time; then the connection is not used any more. */
  async inTime<Result>(work: Promise<Result>): Promise<Result> {
    const { clock, operationTimeoutMs } = this.#options;
    let timer: unknown;
    const tooLate = new Promise<never>((_, reject) => {
      timer = clock.setTimeout(() => {
        this.drop();
        reject(new StoreUnavailableError(`RabbitMQ gave no answer within ${operationTimeoutMs} ms`, this.#lastError));
      }, operationTimeoutMs);
    });
    try {
      return await Promise.race([work, tooLate]);
    } catch (error) {
      this.assertOpen();
      throw toQueueError(error, this.#lastError);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** False from the moment on that its connection is lost or given up. */
  has(channel: RabbitmqChannel): boolean {
    return channel.active && this.#channels.has(channel);
  }

  /** Ends what is there; the next call makes another one. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#channels.clear();
    if (client === undefined) return;
    const destroy = async () => {
      (await client).unsafeDestroy();
      // Its socket ends within this turn.
      await new Promise<void>((resolve) => void this.#options.clock.setTimeout(resolve, 0));
    };
    this.#dropped = destroy().catch(() => {});
  }

  /** `last` is done before; neither waits for a broker that does not answer. */
  async close(last: () => Promise<unknown> = async () => {}): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    if (client !== undefined) await this.#end(client, last);
    await this.#dropped;
  }

  async #end(client: RabbitmqClient, last: () => Promise<unknown>): Promise<void> {
    const { clock } = this.#options;
    const end = async () => {
      await last();
      await Promise.all([...this.#channels].map((channel) => channel.close()));
      // Of a connection that is being made, the client would say that it is closed before its socket is.
      if (client.ready) await client.close();
      else this.drop();
    };
    let timer: unknown;
    const tooLong = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, closeMs);
    }).then(() => this.drop());
    await Promise.race([end().catch(() => this.drop()), tooLong]);
    clock.clearTimeout(timer);
  }

  async #open(): Promise<RabbitmqClient> {
    try {
      const client = await openRabbitmqClient(this.#options);
      // Without a listener the loss of the connection ends the process; the next call finds out anyway.
      client.on("error", (error) => {
        this.#lastError = error;
      });
      client.on("connection", () => {
        this.#lastError = undefined;
      });
      return client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }
}

/** The code that the broker, or the client, gave a failure. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** Refusals as they are, since nobody should wait for them to pass; all else is an outage. */
function toQueueError(error: unknown, lastError: unknown): unknown {
  const code = codeOf(error);
  // Nobody gets a channel where the connection itself is refused.
  if (code === "TIMEOUT" || code === "STORE_UNAVAILABLE") {
    if (refusals.has(codeOf(lastError))) return lastError;
  } else if (code === "MISSING_DEPENDENCY" || refusals.has(code)) return error;
  return code === "STORE_UNAVAILABLE" ? error : new StoreUnavailableError(`RabbitMQ cannot be reached: ${String(error)}`, error);
}
