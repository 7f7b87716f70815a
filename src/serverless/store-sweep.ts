import { createHints, type DurableHints } from "../core/durable-hints.ts";
import { coordinatorName, type DurableCoordinatorOptions } from "../core/durable-options.ts";
import { Patience } from "../core/durable-patience.ts";
import type { AnyOrchestrator } from "../core/orchestrator.ts";
import { createSystemClock, systemRandom } from "../core/system-clock.ts";
import * as check from "../model/option-check.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { SweepReport } from "../ports/store-claim.ts";

/** Of a durable coordinator, what looking after its store needs. */
export type StoreSweepOptions = Pick<
  DurableCoordinatorOptions<AnyOrchestrator>,
  "name" | "store" | "queue" | "leaseMs" | "retention" | "clock" | "onError"
>;

/** What a sweep did, in numbers. */
export interface SweepOutcome {
  /** Executions whose worker had died, and which are claimable again. */
  readonly takenOver: number;
  /** Delayed or parked ones that became claimable. */
  readonly due: number;
  /** Failed or cancelled, because too many workers died or a cancel was stored. */
  readonly ended: number;
  /** Ids that were published because nobody had claimed them for too long. */
  readonly published: number;
  /** Records past their retention. */
  readonly removed: number;
}

/** Looks after a store that no worker lives long enough to look after. */
export class StoreSweep {
  readonly #options: StoreSweepOptions;
  readonly #hints: DurableHints | undefined;

  constructor(options: StoreSweepOptions) {
    this.#options = options;
    const { clock = createSystemClock(), onError } = options;
    this.#hints = createHints({
      options: options as DurableCoordinatorOptions<AnyOrchestrator>,
      clock,
      patience: new Patience(clock, systemRandom),
      reportError: (error) => onError?.(error),
    });
  }

  /** Makes claimable what dead workers held and what is due. A store that is away is no error here: the work itself will tell. */
  async takeBack(): Promise<{ readonly report: SweepReport; readonly published: number } | undefined> {
    const { store, name, onError } = this.#options;
    try {
      const report = await store.sweep({ name });
      await this.#hints?.publish(report.takenOver.map((executionId) => ({ executionId })));
      const published = report.due > 0 ? await this.#hints?.publishOverdue(0) : 0;
      return { report, published: published ?? 0 };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) onError?.(error);
      return undefined;
    }
  }

  /** @throws {StoreUnavailableError} */
  async sweep(): Promise<SweepOutcome> {
    const { store, name, leaseMs = 30_000, retention } = this.#options;
    const { report, published: publishedDue = 0 } = (await this.takeBack()) ?? {};
    const { takenOver = [], due = 0, lost = [], cancelled = [] } = report ?? {};
    const published = publishedDue + ((await this.#hints?.publishOverdue(leaseMs)) ?? 0);
    const olderThanMs = retention?.maxAgeMs ?? 3_600_000;
    const removed = olderThanMs === Number.POSITIVE_INFINITY ? 0 : await store.remove({ name, olderThanMs });
    return { takenOver: takenOver.length, due, ended: lost.length + cancelled.length, published, removed };
  }
}

const checkSweepOptions = check.fields(
  {
    name: coordinatorName,
    store: check.having("sweep", "findOverdue", "remove"),
    queue: check.having("publish"),
    leaseMs: check.wholeMilliseconds(1),
    retention: check.fields({ maxAgeMs: check.numberBetween(0, Number.POSITIVE_INFINITY), maxCount: check.wholeNumber(0, "infinity") }),
    clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
    onError: check.callable,
  },
  ["name", "store"],
);

/**
 * Makes a function to be called by a schedule, once a minute or so: publishes what became due or was lost, takes back what dead workers held,
 * and removes old records. Where a long-lived worker runs on the same store, it does all of this.
 *
 * @example
 * ```ts
 * const sweep = createSweepHandler({ name: "reports", store, queue });
 * export const handler = async () => sweep();
 * ```
 * @throws {InvalidOptionsError}
 */
export function createSweepHandler(options: StoreSweepOptions): () => Promise<SweepOutcome> {
  const { name, store, queue, leaseMs, retention, clock, onError } = { ...options };
  checkSweepOptions({ name, store, queue, leaseMs, retention, clock, onError }, "options");
  const sweep = new StoreSweep(options);
  return () => sweep.sweep();
}
