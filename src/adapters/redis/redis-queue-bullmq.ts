import { MissingDependencyError } from "../../model/store-errors.ts";
import type { RedisClientLike } from "./redis-client.ts";

/** What the queue needs of a job of BullMQ. Its methods reject when the job is not locked by `token` any more. */
export interface BullmqJob {
  readonly data: unknown;
  readonly attemptsStarted: number;
  readonly failedReason?: string;
  moveToCompleted(result: unknown, token: string, fetchNext: false): Promise<unknown>;
  moveToWait(token: string): Promise<unknown>;
  moveToDelayed(at: number, token: string): Promise<unknown>;
  moveToFailed(error: Error, token: string, fetchNext: false): Promise<unknown>;
  /** Resolves to 0 when the lock is lost. */
  extendLock(token: string, durationMs: number): Promise<number>;
}

export interface NewBullmqJob {
  readonly name: string;
  readonly data: string;
  readonly opts: { readonly priority: number; readonly delay?: number; readonly removeOnComplete: true; readonly removeOnFail: false };
}

export interface BullmqQueue {
  on(event: "error", listener: () => void): unknown;
  addBulk(jobs: readonly NewBullmqJob[]): Promise<unknown>;
  getJobs(types: readonly ["failed"], start: number, end: number, ascending: true): Promise<readonly BullmqJob[]>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface BullmqWorker {
  on(event: "error", listener: () => void): unknown;
  /** Waits a few seconds for one. */
  getNextJob(token: string): Promise<BullmqJob | undefined>;
  startStalledCheckTimer(): Promise<void>;
  waitUntilReady(): Promise<unknown>;
  close(force: true): Promise<void>;
}

export interface Bullmq {
  /** `onDuplicate`: BullMQ's workers wait on duplicates, and do not wait for their ends. */
  openClient(url: string, connectTimeoutMs: number, onDuplicate: (client: RedisClientLike) => void): RedisClientLike;
  queue(name: string, prefix: string, client: RedisClientLike): BullmqQueue;
  worker(name: string, prefix: string, client: RedisClientLike, lockMs: number): BullmqWorker;
}

/** So many events of a queue are kept, which nobody of ours reads. */
const keptEvents = 100;
/** How long a closing socket may wait for the other end. */
export const disconnectMs = 50;
const neverTooOften = 2 ** 31 - 1;
const leastCheckMs = 100;

export async function loadBullmq(): Promise<Bullmq> {
  const load = async <Module>(packageName: string, module: Promise<Module>): Promise<Module> => {
    try {
      return await module;
    } catch (cause) {
      throw new MissingDependencyError({ packageName, usedBy: "Redis queue", cause });
    }
  };
  const { Redis } = await load("ioredis", import("ioredis"));
  const { Queue, Worker } = await load("bullmq", import("bullmq"));
  const quiet = <Emitter extends { on(event: "error", listener: () => void): unknown }>(emitter: Emitter): Emitter => {
    // Without a listener the loss of the connection ends the process; the next call finds out anyway.
    emitter.on("error", () => {});
    return emitter;
  };
  return {
    openClient: (url, connectTimeoutMs, onDuplicate) => {
      const client = new Redis(url, {
        lazyConnect: true,
        // BullMQ asks for it: a command of a lost connection is sent again with the next one, however late.
        maxRetriesPerRequest: null,
        connectTimeout: connectTimeoutMs,
        disconnectTimeout: disconnectMs,
        retryStrategy: (times: number) => Math.min(1_000, 25 * 2 ** Math.min(times, 10)),
        reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
      }) as unknown as RedisClientLike;
      const duplicate = client.duplicate.bind(client);
      client.duplicate = (options) => {
        const copy = duplicate(options);
        onDuplicate(copy);
        return copy;
      };
      return client;
    },
    queue: (name, prefix, client) =>
      quiet(
        new Queue(name, { connection: client as never, prefix, streams: { events: { maxLen: keptEvents } } }) as unknown as BullmqQueue,
      ),
    worker: (name, prefix, client, lockMs) =>
      quiet(
        new Worker(name, null, {
          ...{ connection: client as never, prefix, autorun: false, lockDuration: lockMs, maxStalledCount: neverTooOften },
          // A lock that has run out is found at the second look after that.
          stalledInterval: Math.max(leastCheckMs, lockMs / 2),
        }) as unknown as BullmqWorker,
      ),
  };
}
