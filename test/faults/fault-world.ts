import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { isFinalStatus } from "../../src/model/execution.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { openQueue, type QueueAddress } from "../support/queue-address.ts";
import { openStore, type StoreAddress } from "../support/store-address.ts";
import { EffectSink } from "./effect-sink.ts";
import { FaultLoad } from "./fault-load.ts";
import { WorkerProcesses } from "./worker-processes.ts";

export interface FaultWorldOptions {
  readonly store: StoreAddress;
  /** Beside the store. */
  readonly queue?: QueueAddress;
  readonly leaseMs?: number;
  readonly maxTakeovers?: number;
  readonly maxConcurrent?: number;
}

/** A client in this process, workers in others, one store, and a sink for the effects of what they run. */
export class FaultWorld {
  readonly store: ExecutionStore;
  readonly sink: EffectSink;
  readonly workers: WorkerProcesses;
  readonly load: FaultLoad;
  readonly #errors: unknown[] = [];
  readonly #maxTakeovers: number;
  readonly #queue: ExecutionQueue | undefined;

  private constructor(
    store: ExecutionStore,
    queue: ExecutionQueue | undefined,
    sink: EffectSink,
    workers: WorkerProcesses,
    maxTakeovers: number,
  ) {
    this.store = store;
    this.#queue = queue;
    this.sink = sink;
    this.workers = workers;
    this.#maxTakeovers = maxTakeovers;
    const onError = (error: unknown) => {
      // To be told of an outage is right; anything else is a bug.
      if (!(error instanceof StoreUnavailableError)) this.#errors.push(error);
    };
    this.load = new FaultLoad(store, maxTakeovers, onError, queue);
  }

  static async create(options: FaultWorldOptions): Promise<FaultWorld> {
    const { store, queue, leaseMs = 1_000, maxTakeovers = 50, maxConcurrent = 8 } = options;
    const sink = await EffectSink.listen();
    const workers = await WorkerProcesses.prepare({ store, ...(queue && { queue }), sinkPort: sink.port, leaseMs, maxConcurrent });
    return new FaultWorld(await openStore(store), queue && (await openQueue(queue)), sink, workers, maxTakeovers);
  }

  /** Once everything has ended: what was accepted is there, final, within its bounds, and had the effects that it should have had. */
  async audit(): Promise<{ executions: number; takeovers: number; refused: number }> {
    let takeovers = 0;
    for (const name of ["function", "machine"] as const) {
      const counts = await this.store.counts({ name });
      // Starts whose answer was lost may have been written; they have ended, too.
      expect(counts).toMatchObject({ queued: 0, running: 0 });
      const started = [...this.load.started.values()].filter((each) => each.name === name);
      expect(counts.total).toBeGreaterThanOrEqual(started.length);
      for (let from = 0; from < started.length; from += 100) {
        const some = started.slice(from, from + 100);
        const records = await this.store.get(
          name,
          some.map(({ id }) => id),
        );
        for (const [index, { id, accepted, sent }] of some.entries()) {
          const record = records[index];
          if (record === undefined) throw new Error(`${id} was accepted and is not there`);
          expect(isFinalStatus(record.status), `${id} is final`).toBe(true);
          expect(record, id).toMatchObject({ status: "completed", attempt: 1 + record.takeovers });
          expect(record.takeovers, id).toBeLessThanOrEqual(this.#maxTakeovers);
          takeovers += record.takeovers;
          const result = JSON.parse(record.result ?? "null");
          this.#checkEffects(id, name, name === "machine" ? result.steps : result);
          if (name === "machine") checkHeard(id, result.heard, accepted, sent);
        }
      }
    }
    return { executions: this.load.started.size, takeovers, refused: this.sink.refused };
  }

  async close(): Promise<void> {
    await this.workers.close();
    await this.load.close();
    await this.#queue?.close();
    await this.store.close();
    await this.sink.close();
    expect([...this.sink.problems, ...this.workers.problems, ...this.#errors]).toEqual([]);
  }

  #checkEffects(id: string, name: "function" | "machine", steps: number): void {
    const effects = this.sink.effects(id);
    const described = `${id}: ${effects.map(({ fence, step }) => `${step} by ${fence}`).join(", ")}`;
    let done = 0;
    for (const [index, { fence, step }] of effects.entries()) {
      const before = effects[index - 1];
      expect(fence, described).toBeGreaterThanOrEqual(before?.fence ?? 0);
      // A function has saved each step before it takes the next, so a new holder repeats the last one at most; a machine does not wait.
      const least = before?.fence === fence ? before.step + 1 : name === "function" ? done : 1;
      expect(step, described).toBeGreaterThanOrEqual(least);
      expect(step, described).toBeLessThanOrEqual(before?.fence === fence ? before.step + 1 : done + 1);
      done = Math.max(done, step);
    }
    expect(done, described).toBe(steps);
  }
}

/** In order and once, and all whose acceptance was told. */
function checkHeard(id: string, heard: readonly number[], accepted: readonly number[], sent: number): void {
  const inOrder = heard.every((n, index) => n > (heard[index - 1] ?? 0) && n <= sent);
  const complete = accepted.every((n) => heard.includes(n));
  if (!inOrder || !complete) throw new Error(`${id} heard ${heard}, of ${sent} sent and ${accepted} accepted`);
}

/** A SQLite file of its own. */
export function temporaryFile(): { readonly address: StoreAddress & { kind: "sqlite" }; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-faults-"));
  return {
    address: { kind: "sqlite", filename: join(folder, "executions.sqlite") },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** How much slower than a quiet machine one may be that does much else. */
const slowness = 3;

/** Rejects when the work takes longer than that, and says what it was. */
export async function within<Result>(ms: number, what: string, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms * slowness} ms`)), ms * slowness);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
