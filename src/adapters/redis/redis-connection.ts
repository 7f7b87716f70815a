import { CoordinatorClosedError } from "../../model/errors.ts";
import { MissingDependencyError, SchemaVersionError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StoreCapabilities } from "../../ports/execution-store.ts";
import type { RedisClientLike } from "./redis-client.ts";
import { EvictionPolicyError, toRedisError } from "./redis-errors.ts";
import { reconnect } from "./redis-reconnect.ts";
import type { RedisScript } from "./redis-script.ts";

export interface RedisConnectionOptions {
  readonly url: string | undefined;
  readonly client: RedisClientLike | undefined;
  readonly keyPrefix: string;
  readonly operationTimeoutMs: number;
  readonly allowEviction: boolean;
  readonly clock: Clock;
}

type Durability = StoreCapabilities["durability"];

const schemaVersion = 1;
const maxReconnectMs = 1_000;
/** How long a closing store waits for calls that are under way. */
const maxClosingMs = 2_000;

/** Scripts on a server that is known to keep what it is given. What is not answered in time is given up. */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  #opening: Promise<RedisClientLike> | undefined;
  #client: RedisClientLike | undefined;
  #checked: Promise<void> | undefined;
  #becomingReady: Promise<void> | undefined;
  #lastError: unknown;
  #durability: Durability = "none";
  #closing: Promise<void> | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** As far as the server has told; before that the least. */
  get durability(): Durability {
    return this.#durability;
  }

  /** Of one coordinator's name: its part in braces is what clusters choose a slot by. */
  base(name: string): string {
    return `${this.#options.keyPrefix}:{${escaped(name)}}:`;
  }

  /** What a script answers, with texts as strings, or as bytes where they may be packed. */
  async run(script: RedisScript, name: string, args: readonly (string | number)[], answer: "text" | "bytes" = "text"): Promise<unknown> {
    const keys = ["1", this.base(name)];
    try {
      return await this.#command("EVALSHA", [script.sha, ...keys, ...args], answer);
    } catch (error) {
      if (!(error as Error).message?.startsWith("NOSCRIPT")) throw error;
      return await this.#command("EVAL", [script.lua, ...keys, ...args], answer);
    }
  }

  /** Resolves once the server takes commands and may be trusted with executions. */
  async ready(): Promise<RedisClientLike> {
    if (this.#closing !== undefined) throw new CoordinatorClosedError("the Redis store is closed");
    this.#opening ??= this.#open();
    const client = this.#client ?? (await this.#opening);
    if (client.status !== "ready") {
      this.#becomingReady ??= this.#whenReady(client).finally(() => {
        this.#becomingReady = undefined;
      });
      await this.#becomingReady;
    }
    this.#checked ??= this.#check(client).catch((error: unknown) => {
      this.#checked = undefined;
      throw error;
    });
    await this.#checked;
    return client;
  }

  /** A connection of one's own, to be disconnected by the caller. */
  async duplicate(): Promise<RedisClientLike> {
    const original = await this.ready();
    // What ioredis subscribes by itself it does not wait for: when it fails, the process would end.
    const client = original.isCluster ? original.duplicate() : original.duplicate({ autoResubscribe: false });
    client.on("error", () => {});
    return client;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Rejects with `StoreUnavailableError`, after `late`, when it takes too long. */
  inTime<Result>(work: Promise<Result>, late: () => void = () => {}): Promise<Result> {
    const { clock, operationTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        late();
        reject(new StoreUnavailableError(`Redis gave no answer within ${operationTimeoutMs} ms`));
      }, operationTimeoutMs);
      const settled = () => clock.clearTimeout(timer);
      work.then(
        (result) => {
          settled();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          reject(toRedisError(error));
        },
      );
    });
  }

  async #command(command: string, args: (string | number)[], answer: "text" | "bytes"): Promise<unknown> {
    const client = await this.ready();
    try {
      return await this.#ask(client, command, args, answer);
    } catch (error) {
      if (!isUnsent(error) || client.status !== "ready") throw error;
      // Its socket is about to close, and nothing was sent.
      await this.inTime(new Promise<unknown>((resolve) => client.once("close", resolve)));
      return await this.#ask(await this.ready(), command, args, answer);
    }
  }

  async #ask(client: RedisClientLike, command: string, args: (string | number)[], answer: "text" | "bytes"): Promise<unknown> {
    // A socket whose other end says nothing is not waited for by every later call as well.
    const late = () => void (this.#options.client === undefined && reconnect(client));
    const answered = this.inTime(answer === "bytes" ? client.callBuffer(command, args) : client.call(command, args), late);
    this.#underWay.add(answered);
    try {
      return await answered;
    } finally {
      this.#underWay.delete(answered);
    }
  }

  async #open(): Promise<RedisClientLike> {
    const client = this.#options.client ?? (await this.#connect());
    client.on("error", this.#noteError);
    client.on("close", this.#forget);
    this.#client = client;
    return client;
  }

  async #connect(): Promise<RedisClientLike> {
    const { url, operationTimeoutMs } = this.#options;
    let Redis: typeof import("ioredis").Redis;
    try {
      ({ Redis } = await import("ioredis"));
    } catch (cause) {
      this.#opening = undefined;
      throw new MissingDependencyError({ packageName: "ioredis", usedBy: "Redis store", cause });
    }
    return new Redis(url as string, {
      lazyConnect: true,
      enableOfflineQueue: false,
      // What a lost connection leaves unanswered is the caller's to repeat.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: operationTimeoutMs,
      // How long a closing socket may wait for the other end.
      disconnectTimeout: 500,
      retryStrategy: (times) => Math.min(maxReconnectMs, 25 * 2 ** Math.min(times, 10)),
      // After a failover the server at this address may be a replica.
      reconnectOnError: (error) => error.message.startsWith("READONLY"),
    }) as unknown as RedisClientLike;
  }

  readonly #noteError = (error: unknown): void => {
    this.#lastError = error;
  };

  /** The next connection may be to another server, or to one with other settings. */
  readonly #forget = (): void => {
    this.#checked = undefined;
  };

  /** Resolves with the connection that is being made; where that fails, a later call waits for the next one. */
  #whenReady(client: RedisClientLike): Promise<void> {
    let stop = () => {};
    const ready = new Promise<void>((resolve, reject) => {
      const failed = () => reject(this.#lastError ?? new Error("the connection is closed"));
      client.on("ready", resolve);
      client.on("close", failed);
      client.on("end", failed);
      stop = () => {
        client.removeListener("ready", resolve);
        client.removeListener("close", failed);
        client.removeListener("end", failed);
      };
      if (client.status === "end" && this.#options.client !== undefined) failed();
      else if (client.status === "wait" || client.status === "end") client.connect().catch(() => {});
    });
    return this.inTime(ready).finally(stop);
  }

  async #check(client: RedisClientLike): Promise<void> {
    const { allowEviction, keyPrefix } = this.#options;
    const ask = (command: string, ...args: string[]) => this.inTime(client.call(command, args)).catch(orUndefined);
    const [info, append] = await Promise.all([ask("INFO"), ask("CONFIG", "GET", "appendfsync")]);
    const told = (field: string) => new RegExp(`^${field}:(.*?)\\r?$`, "m").exec(String(info))?.[1];
    const policy = told("maxmemory_policy");
    if (policy !== "noeviction" && !allowEviction) throw new EvictionPolicyError(policy);
    const flushes = Array.isArray(append) ? append[1] : undefined;
    this.#durability = told("aof_enabled") === "1" ? (flushes === "always" ? "power" : "process") : "none";
    const versionKey = `${keyPrefix}:schema`;
    await this.inTime(client.call("SET", [versionKey, schemaVersion, "NX"]));
    const found = Number(await this.inTime(client.call("GET", [versionKey])));
    if (found > schemaVersion) throw new SchemaVersionError({ where: `Redis under ${keyPrefix}`, found, supported: schemaVersion });
  }

  async #close(): Promise<void> {
    const client = this.#client ?? (await this.#opening?.catch(() => undefined));
    if (client === undefined) return;
    const isOwn = this.#options.client === undefined;
    const isConnected = client.status === "ready";
    if (isConnected && this.#underWay.size > 0) {
      const { clock } = this.#options;
      let timer: unknown;
      const enough = new Promise<void>((resolve) => {
        timer = clock.setTimeout(resolve, maxClosingMs);
      });
      await Promise.race([Promise.allSettled(this.#underWay), enough]);
      clock.clearTimeout(timer);
    }
    client.removeListener("close", this.#forget);
    if (isOwn) await disconnected(client);
    // Of a client of its own, late errors are still heard; otherwise they would be printed.
    if (!isOwn) client.removeListener("error", this.#noteError);
  }
}

/** As ioredis says it of a socket that takes nothing more, where commands do not wait for the next one. */
function isUnsent(error: unknown): boolean {
  return error instanceof StoreUnavailableError && error.message.includes("Stream isn't writeable");
}

/** Resolves when its socket is closed. */
export function disconnected(client: RedisClientLike): Promise<void> {
  return new Promise((resolve) => {
    if (client.status === "end") return resolve();
    client.once("end", resolve);
    // Between two sockets ioredis would wait for the end of one that has ended; the next one comes within a second, right after this event.
    if (client.status === "reconnecting") client.once("connecting", () => queueMicrotask(() => client.disconnect()));
    else client.disconnect();
  });
}

/** Not all servers let everybody ask. */
function orUndefined(error: unknown): undefined {
  if (error instanceof StoreUnavailableError) throw error;
  return undefined;
}

/** Without braces, which have a meaning, and never empty. */
function escaped(name: string): string {
  return `.${name.replaceAll(/[{}%]/g, (letter) => encodeURIComponent(letter))}`;
}

/** The name that a key's part in braces stands for. */
export function nameOf(part: string): string {
  return part.slice(1).replaceAll(/%(7B|7D|25)/g, (letter) => decodeURIComponent(letter));
}
