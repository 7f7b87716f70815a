import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { InsertRequest } from "../ports/store-insert.ts";

type Call = (request: never, more: never) => Promise<unknown>;

const methods = [
  ...(["insert", "get", "list", "counts", "claim", "renew", "changeSlots", "checkpoint", "settle", "park", "requestCancel"] as const),
  ...(["appendSignals", "readSignals", "sweep", "appendEvents", "readEvents", "findOverdue", "remove"] as const),
];

/**
 * The same store, but a call that is not answered within `timeoutMs` rejects with `StoreUnavailableError`: a connection may be dead without
 * telling. Since every call may be repeated, giving one up too early costs nothing but the repetition.
 */
export function withDeadline(store: ExecutionStore, clock: Clock, timeoutMs: number): ExecutionStore {
  const limited = methods.map((method) => {
    const call = store[method].bind(store) as Call;
    return [
      method,
      async (request: never, more: never) =>
        isWithinTransaction(request) ? call(request, more) : inTime("the store", method, call(request, more), clock, timeoutMs),
    ];
  });
  return {
    ...(Object.fromEntries(limited) as Pick<ExecutionStore, (typeof methods)[number]>),
    capabilities: store.capabilities,
    // Without one, looking at intervals goes on; one that comes late is as good.
    watch: (request, listener) => store.watch(request, listener),
    close: () => store.close(),
  };
}

/** Its answer is the caller's to wait for. */
function isWithinTransaction(request: unknown): boolean {
  return (request as Partial<InsertRequest> | undefined)?.transaction !== undefined;
}

/** Rejects with `StoreUnavailableError` when the answer takes longer. */
export function inTime<Result>(who: string, method: string, answer: Promise<Result>, clock: Clock, timeoutMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new StoreUnavailableError(`${who} did not answer a call of ${method} within ${timeoutMs} ms`));
    const timer = clock.setTimeout(giveUp, timeoutMs, true);
    answer.then(
      (result) => {
        clock.clearTimeout(timer);
        resolve(result);
      },
      (error) => {
        clock.clearTimeout(timer);
        reject(error);
      },
    );
  });
}
