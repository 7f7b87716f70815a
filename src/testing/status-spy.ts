import type { ExecutionInfo, ExecutionStatus } from "../model/execution.ts";
import type { ExecutionEvent, ExecutionEventType } from "../model/execution-event.ts";
import { StatusHistory } from "./status-history.ts";

/** What the spy needs of a coordinator. */
export interface StatusSource {
  on(type: "*", listener: (event: ExecutionEvent) => void): { unsubscribe(): void };
  getStatus(executionId: string): ExecutionInfo | undefined;
}

/** Waits for what a coordinator tells about its executions, and remembers it. */
export interface StatusSpy {
  /**
   * Resolves once the execution has that status, at once when it had it before, with the record as it was when that was told (the last
   * time, where it had the status more than once). What happens in one go is told in one go: a start that finds a free slot tells `queued`
   * with a record that says `running`. An id that is not known yet is waited for. Rejects when the execution ends or is removed without
   * that status, and when the spy is disposed of.
   */
  waitForStatus(executionId: string, status: ExecutionStatus): Promise<ExecutionInfo>;
  /** Every status the execution has had since the spy first saw it, in order; empty for an unknown id. */
  statusesOf(executionId: string): ExecutionStatus[];
  /** Stops listening. Waits that are still open are rejected. */
  dispose(): void;
}

/** The status an event tells; undefined where it tells none or does not change it. */
const statusTold: Readonly<Record<ExecutionEventType, ExecutionStatus | undefined>> = {
  "execution.queued": "queued",
  "execution.started": "running",
  "execution.progressed": undefined,
  "execution.waiting": undefined,
  "execution.continued": undefined,
  "execution.signalled": undefined,
  "execution.cancelling": undefined,
  "execution.timingOut": undefined,
  "execution.retrying": "queued",
  "execution.completed": "completed",
  "execution.failed": "failed",
  "execution.cancelled": "cancelled",
  "execution.removed": undefined,
};

/**
 * Lets a test wait for a status instead of for a time.
 *
 * @example
 * ```ts
 * const spy = spyOnStatus(coordinator);
 * const id = await coordinator.start(input);
 * await spy.waitForStatus(id, "completed");
 * spy.statusesOf(id); // ["queued", "running", "completed"]
 * spy.dispose();
 * ```
 */
export function spyOnStatus(coordinator: StatusSource): StatusSpy {
  const histories = new Map<string, StatusHistory>();

  const historyOf = (executionId: string): StatusHistory => {
    const known = histories.get(executionId);
    if (known !== undefined) return known;
    const fresh = new StatusHistory(executionId);
    histories.set(executionId, fresh);
    return fresh;
  };

  /** For questions: what began before the spy did counts by its present status. */
  const presentOf = (executionId: string): StatusHistory => {
    const history = historyOf(executionId);
    const info = coordinator.getStatus(executionId);
    if (history.isEmpty && info !== undefined) history.add(info.status, info);
    return history;
  };

  const subscription = coordinator.on("*", ({ type, executionId }) => {
    const status = statusTold[type];
    // A record that was removed frees its id, and a start may have taken it again.
    if (type === "execution.queued" && histories.get(executionId)?.isOver) histories.delete(executionId);
    if (status !== undefined) historyOf(executionId).add(status, coordinator.getStatus(executionId));
    else if (type === "execution.removed") histories.get(executionId)?.end();
  });

  return {
    waitForStatus: (executionId, status) => presentOf(executionId).waitFor(status),
    statusesOf: (executionId) => presentOf(executionId).statuses,
    dispose: () => {
      subscription.unsubscribe();
      for (const history of histories.values()) history.abandonWaits();
    },
  };
}
