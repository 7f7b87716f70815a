import { toJson } from "../model/json.ts";
import type { CoordinatorSnapshot, PersistedExecution, PersistedRecord } from "./coordinator-snapshot.ts";
import type { ExecutionRecord, ExecutionRequest } from "./execution-record.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";

/**
 * All that another process needs to go on: plain JSON.
 *
 * @throws {SerializationError} when an input, a progress or a result is not JSON; names the execution.
 */
export function toCoordinatorSnapshot(fleet: Fleet): CoordinatorSnapshot {
  const live: PersistedExecution[] = [];
  const finished: PersistedRecord[] = [];
  for (const record of fleet.records()) {
    if (record.final === undefined) live.push(toPersistedExecution(record, fleet.dueAt(record)));
    else finished.push(toPersistedRecord(record));
  }
  return { status: "active", output: undefined, error: undefined, version: 1, live, finished };
}

/** Those that ran are queued again; the attempt that was cut short counts, but not as failed. */
export function adoptSnapshot(fleet: Fleet, snapshot: CoordinatorSnapshot, { clock, maxOfGroup }: FleetOptions): void {
  for (const { info, idempotencyKey, input } of snapshot.finished) {
    const { id, priority, group, tags, maxAttempts, attempt, takeovers, queuedAt, startedAt } = info;
    const request = { id, input, priority, tags, maxAttempts, attempt, takeovers, queuedAt, backoff: {}, delayMs: 0 };
    fleet.adoptFinished({ ...request, group, groupLimit: 0, startedAt, idempotencyKey, timeoutMs: undefined, signal: undefined }, info);
  }
  for (const execution of snapshot.live) {
    const { group, idempotencyKey, timeoutMs, startedAt, dueAt } = execution;
    const delayMs = dueAt === undefined ? 0 : Math.max(0, dueAt - clock.now());
    const groupLimit = group === undefined ? Number.POSITIVE_INFINITY : maxOfGroup(group);
    fleet.adopt({ ...execution, group, groupLimit, idempotencyKey, timeoutMs, startedAt, delayMs, signal: undefined });
  }
}

function toPersistedExecution({ request, actor, status }: ExecutionRecord, dueAt: number | undefined): PersistedExecution {
  const { id, input, priority, group, tags, idempotencyKey, maxAttempts, backoff, timeoutMs, takeovers }: ExecutionRequest = request;
  const { attempt, queuedAt, startedAt } = (actor as NonNullable<typeof actor>).getSnapshot().context;
  return {
    id,
    input: toJson(input, `input of execution ${JSON.stringify(id)}`),
    priority,
    tags,
    maxAttempts,
    backoff,
    attempt,
    takeovers: takeovers + (status === "running" ? 1 : 0),
    queuedAt,
    ...(group !== undefined && { group }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(startedAt !== undefined && { startedAt }),
    ...(status === "queued" && dueAt !== undefined && { dueAt }),
  };
}

function toPersistedRecord({ request, final }: ExecutionRecord): PersistedRecord {
  const { id, input, idempotencyKey } = request;
  const info = toJson(final?.info, `execution ${JSON.stringify(id)}`) as PersistedRecord["info"];
  if (idempotencyKey === undefined) return { info };
  return { info, idempotencyKey, input: toJson(input, `input of execution ${JSON.stringify(id)}`) };
}
