import { CoordinatorClosedError } from "../model/errors.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import { LazyResult } from "./lazy-result.ts";

export interface ServiceCallsOptions<Client> {
  /** Who answers, as errors name it. */
  readonly service: string;
  /** Who calls and is closed, as errors name it. */
  readonly usedBy: string;
  readonly operationTimeoutMs: number;
  /** For time limits. */
  readonly timers: Clock;
  /** The first call does, and the next one when it fails. */
  load(): Promise<Client>;
  /** What callers are told in place of an error of the SDK's. */
  readonly toError: (error: unknown) => unknown;
}

/**
 * Calls of an SDK. It repeats by itself what may be repeated, and pauses when the service is throttling: each call has a limit on how long
 * that may take in all, and closing cuts off those under way.
 */
export class ServiceCalls<Client> {
  readonly #options: ServiceCallsOptions<Client>;
  readonly #closing = new AbortController();
  readonly #client: LazyResult<Client>;

  constructor(options: ServiceCallsOptions<Client>) {
    this.#options = options;
    this.#client = new LazyResult(() => options.load());
  }

  /** `waitMs` is what the service may take on top of the time limit, because it was asked to wait. */
  async run<Output>(send: (client: Client, options: { abortSignal: AbortSignal }) => Promise<Output>, waitMs = 0): Promise<Output> {
    const { service, usedBy, operationTimeoutMs, timers, toError } = this.#options;
    this.#assertOpen();
    const client = await this.#client.get();
    this.#assertOpen();
    const over = new AbortController();
    return new Promise<Output>((resolve, reject) => {
      const end = (error: Error) => {
        reject(error);
        over.abort();
      };
      const limitMs = waitMs + operationTimeoutMs;
      const timer = timers.setTimeout(() => end(new StoreUnavailableError(`${service} gave no answer within ${limitMs} ms`)), limitMs);
      const closed = () => end(new StoreUnavailableError(`the ${usedBy} was closed meanwhile`));
      this.#closing.signal.addEventListener("abort", closed, { once: true });
      // A client of the user's may throw where it should reject.
      const sent = (async () => send(client, { abortSignal: over.signal }))();
      sent
        .then(resolve, (error: unknown) => reject(toError(error)))
        .finally(() => {
          timers.clearTimeout(timer);
          this.#closing.signal.removeEventListener("abort", closed);
        });
    });
  }

  /** What is under way rejects, and later calls do. Resolves to the client, if there is one, for whoever has made it to end it. */
  close(): Promise<Client | undefined> {
    this.#closing.abort();
    return this.#client.peek();
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new CoordinatorClosedError(`the ${this.#options.usedBy} is closed`);
  }
}
