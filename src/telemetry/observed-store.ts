import { createSystemClock } from "../core/system-clock.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { SweepReport } from "../ports/store-claim.ts";

/** One call of a store that is over. */
export interface StoreCall {
  /** The method's name. */
  readonly operation: string;
  readonly durationMs: number;
  /** What it rejected with. */
  readonly error?: unknown;
  /** How many leases it took back because they had run out. */
  readonly lostLeases: number;
}

const notCalls = new Set<PropertyKey>(["close", "watch", "transaction"]);

/**
 * The same store; `onCall` is told of each call when it is over. What it throws is lost.
 *
 * @example
 * ```ts
 * const store = observeStore(createSqliteStore({ filename }), ({ operation, durationMs }) => statsd.timing(operation, durationMs));
 * ```
 */
export function observeStore<Store extends ExecutionStore>(
  store: Store,
  onCall: (call: StoreCall) => void,
  clock: Clock = createSystemClock(),
): Store {
  const wrapped = new Map<PropertyKey, unknown>();
  const tell = (operation: string, since: number, more: { error?: unknown; lostLeases: number }) => {
    try {
      onCall({ operation, durationMs: clock.monotonicNow() - since, ...more });
    } catch {
      // A call is not to fail because somebody watches.
    }
  };
  const wrap =
    (operation: string, method: (...parameters: unknown[]) => unknown) =>
    (...parameters: unknown[]) => {
      const since = clock.monotonicNow();
      const answer = method.apply(store, parameters);
      if (!(answer instanceof Promise)) return answer;
      answer.then(
        (report) => tell(operation, since, { lostLeases: operation === "sweep" ? lostLeases(report as SweepReport) : 0 }),
        (error) => tell(operation, since, { error, lostLeases: 0 }),
      );
      return answer;
    };
  return new Proxy(store, {
    get: (target, key) => {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== "function" || typeof key !== "string") return value;
      // A store of a class keeps its fields to itself.
      if (!wrapped.has(key)) wrapped.set(key, notCalls.has(key) ? value.bind(target) : wrap(key, value as () => unknown));
      return wrapped.get(key);
    },
  });
}

function lostLeases({ takenOver, lost, cancelled }: SweepReport): number {
  return takenOver.length + lost.length + cancelled.length;
}
