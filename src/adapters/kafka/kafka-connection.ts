import { CoordinatorClosedError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KafkaSaslOptions } from "./kafka-options.ts";
import { type KafkaClient, type KafkaConsumerClient, type KafkaSdk, loadKafkaSdk } from "./kafka-sdk.ts";

export interface KafkaConnectionOptions {
  readonly brokers: readonly string[];
  readonly tls: boolean | object | undefined;
  readonly sasl: KafkaSaslOptions | undefined;
  readonly clientId: string;
  readonly operationTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
}

/** How long a client may take to say goodbye. */
const goodbyeMs = 1_000;
const longestPauseMs = 2_000;

/** Makes clients of one cluster, and sees to it that none of them outlives the queue or holds it up. */
export class KafkaConnection {
  readonly options: KafkaConnectionOptions;
  #sdk: Promise<KafkaSdk> | undefined;
  #closed = false;
  readonly #clients = new Set<KafkaClient>();
  readonly #pauses = new Set<() => void>();

  constructor(options: KafkaConnectionOptions) {
    this.options = options;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  assertOpen(): void {
    if (this.#closed) throw new CoordinatorClosedError("the Kafka queue is closed");
  }

  /** Rejects with `MissingDependencyError` where there is none. Brokers have nothing to do with how long it takes. */
  load(): Promise<KafkaSdk> {
    this.#sdk ??= loadKafkaSdk().catch((error: unknown) => {
      this.#sdk = undefined;
      throw error;
    });
    return this.#sdk;
  }

  /** A client that the caller gives up with `dispose`. */
  async open<Client extends KafkaClient>(
    make: (sdk: KafkaSdk) => new (options: object) => Client,
    special: Readonly<Record<string, unknown>> = {},
  ): Promise<Client> {
    const sdk = await this.load();
    this.assertOpen();
    const { brokers, tls, sasl, clientId, operationTimeoutMs } = this.options;
    const client = new (make(sdk))({
      ...{ clientId, bootstrapBrokers: brokers, timeout: operationTimeoutMs, requestTimeout: operationTimeoutMs },
      ...{ connectTimeout: Math.min(operationTimeoutMs, 5_000), retries: 1, retryDelay: 100 },
      ...(tls !== undefined && tls !== false && { tls: tls === true ? {} : tls }),
      ...(sasl !== undefined && { sasl }),
      ...special,
    });
    // Without a listener an error that no call is waiting for would end the process.
    client.on("error", () => {});
    this.#clients.add(client);
    return client;
  }

  /** One that reads `topic` for `group`. */
  async openConsumer(group: string, topic: string, special: Readonly<Record<string, unknown>> = {}): Promise<KafkaConsumerClient> {
    const client = await this.open(({ Consumer }) => Consumer, { groupId: group, ...special });
    client.topics.track(topic);
    return client;
  }

  /** Closes a client; a broker that does not answer is not waited for. Never rejects. */
  async dispose(client: KafkaClient): Promise<void> {
    if (!this.#clients.delete(client)) return;
    const sockets = [...client.connections].map(([, { socket }]) => socket);
    await this.inTime("close", client.close(), goodbyeMs).catch(() => {});
    // What is half open would wait for ever for what it has sent to be taken.
    for (const socket of sockets) socket?.destroy();
    for (const [, { socket }] of client.connections) socket?.destroy();
  }

  /** Rejects with `StoreUnavailableError` when it takes longer. */
  inTime<Result>(what: string, work: Promise<Result>, limitMs = this.options.operationTimeoutMs): Promise<Result> {
    const { clock } = this.options;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(
        () => reject(new StoreUnavailableError(`Kafka did not answer a call of ${what} within ${limitMs} ms`)),
        limitMs,
      );
      work.then(resolve, reject).finally(() => clock.clearTimeout(timer));
    });
  }

  /** Longer after each failure; over at once when the queue is closed. */
  pause(failures: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const { clock } = this.options;
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = clock.setTimeout(end, Math.min(50 * 2 ** failures, longestPauseMs), true);
      this.#pauses.add(end);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#pauses]) end();
    await Promise.all([...this.#clients].map((client) => this.dispose(client)));
  }
}
