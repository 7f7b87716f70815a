import { CoordinatorClosedError } from "../../model/errors.ts";
import { fromMessageText } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConsumeOptions, Delivery } from "../../ports/execution-queue.ts";
import type { BullmqJob, BullmqWorker } from "./redis-queue-bullmq.ts";
import type { RedisQueueConnection } from "./redis-queue-connection.ts";

interface RedisQueueConsumerOptions extends ConsumeOptions {
  readonly connection: RedisQueueConnection;
  readonly clock: Clock;
  handle(delivery: Delivery): void;
  /** It is closed, and nothing is on loan any more. */
  ended(consumer: RedisQueueConsumer): void;
}

interface Loan {
  readonly job: BullmqJob;
  readonly token: string;
  timer: unknown;
}

/** Between two tries while the server is away. */
const pauseMs = 200;

/** Takes jobs one after the other while there is room. A loan is a job's lock; who does not settle in time loses it at its end. */
export class RedisQueueConsumer {
  readonly #options: RedisQueueConsumerOptions;
  readonly #id = globalThis.crypto.randomUUID();
  readonly #loans = new Set<Loan>();
  #settling = 0;
  #worker: BullmqWorker | undefined;
  #opening: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();
  #maxInFlight: number;
  #tokens = 0;
  #isOpen = true;
  #changed: () => void = () => {};

  constructor(options: RedisQueueConsumerOptions) {
    this.#options = options;
    this.#maxInFlight = options.maxInFlight;
  }

  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { connection, name, visibilityTimeoutMs } = this.#options;
    this.#worker = await connection.worker(name, visibilityTimeoutMs);
    await this.#worker.startStalledCheckTimer();
    connection.assertOpen();
    this.#running = this.#run(this.#worker);
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    this.#changed();
  }

  /** Loans stay, and with the last of them its connections end. */
  close(): void {
    this.#isOpen = false;
    this.#changed();
    this.#endWhenSettled();
  }

  /** Loans end: what can be given back is, the rest comes back when its lock has run out. */
  async end(): Promise<void> {
    this.#isOpen = false;
    this.#changed();
    await this.#opening?.catch(() => {});
    await Promise.allSettled([...this.#loans].map((loan) => this.#end(loan, ({ job, token }) => job.moveToWait(token))));
    await this.#worker?.close(true);
  }

  async #run(worker: BullmqWorker): Promise<void> {
    while (this.#isOpen) {
      if (this.#loans.size >= this.#maxInFlight) {
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
        continue;
      }
      const token = `${this.#id}:${++this.#tokens}`;
      try {
        const job = await worker.getNextJob(token);
        if (job === undefined) continue;
        // It waited for the job for a while, in which the room may have gone.
        if (this.#isOpen && this.#loans.size < this.#maxInFlight) this.#lend(job, token);
        else await job.moveToWait(token);
      } catch {
        await new Promise<void>((resolve) => {
          this.#options.clock.setTimeout(resolve, pauseMs, true);
        });
      }
    }
  }

  #lend(job: BullmqJob, token: string): void {
    const { clock, handle, visibilityTimeoutMs } = this.#options;
    const raw = typeof job.data === "string" ? job.data : JSON.stringify(job.data);
    const loan: Loan = { job, token, timer: undefined };
    const expireIn = (ms: number) => {
      clock.clearTimeout(loan.timer);
      loan.timer = clock.setTimeout(() => this.#forget(loan), ms, true);
    };
    expireIn(visibilityTimeoutMs);
    this.#loans.add(loan);
    handle({
      message: fromMessageText(raw),
      raw,
      deliveryCount: Math.max(1, job.attemptsStarted),
      ack: () => this.#end(loan, () => job.moveToCompleted(null, token, false)),
      nack: ({ delayMs = 0 } = {}) =>
        this.#end(loan, () => (delayMs > 0 ? job.moveToDelayed(clock.now() + delayMs, token) : job.moveToWait(token))),
      putAside: (reason) => this.#end(loan, () => job.moveToFailed(new Error(reason), token, false)),
      extend: async (ms) => {
        if (!this.#loans.has(loan)) return false;
        const isHeld = (await this.#options.connection.inTime(job.extendLock(token, ms))) > 0;
        if (isHeld && this.#loans.has(loan)) expireIn(ms);
        else this.#forget(loan);
        return isHeld;
      },
    });
  }

  /** The first time it is called for a loan. Whoever has lost the lock has nothing to settle. */
  async #end(loan: Loan, how: (loan: Loan) => Promise<unknown>): Promise<void> {
    if (!this.#loans.has(loan)) return;
    this.#settling += 1;
    this.#forget(loan);
    const settled = how(loan).catch((error: unknown) => {
      if (!isLockLost(error)) throw error;
    });
    try {
      await this.#options.connection.inTime(settled);
    } catch (error) {
      // Its loan has ended with the close, as if it had not been settled.
      if (!(error instanceof CoordinatorClosedError)) throw error;
    } finally {
      this.#settling -= 1;
      this.#endWhenSettled();
    }
  }

  #forget(loan: Loan): void {
    this.#options.clock.clearTimeout(loan.timer);
    this.#loans.delete(loan);
    this.#changed();
    this.#endWhenSettled();
  }

  /** What it waits for may still bring a job, which is given back. */
  #endWhenSettled(): void {
    const { connection, ended } = this.#options;
    if (this.#isOpen || this.#loans.size + this.#settling > 0 || connection.isClosed) return;
    void this.#running.then(async () => {
      await this.#worker?.close(true).catch(() => {});
      ended(this);
    });
  }
}

/** BullMQ's codes: the job is gone, its lock is gone, it is not active, or its lock is another's. */
function isLockLost(error: unknown): boolean {
  const { code, message = "" } = error as { code?: number; message?: string };
  return [-1, -2, -3, -6].includes(code ?? 0) || /Missing lock|Missing key|not in the active state|is not owned/.test(message);
}
