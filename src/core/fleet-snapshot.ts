import type { ExecutionInfo } from "../model/execution.ts";
import { toJson } from "../model/json.ts";
import { mergeSettings } from "../settings/merge-settings.ts";
import { resolveSettings } from "../settings/resolve-settings.ts";
import { Secret } from "../settings/secret.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import { type CoordinatorSnapshot, isPersistedRecord, type PersistedExecution, type PersistedRecord } from "./coordinator-snapshot.ts";
import { fromPlain, toPlain } from "./durable-plain.ts";
import { type ExecutionRecord, type ExecutionRequest, phaseOf } from "./execution-record.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetOptions } from "./fleet-options.ts";

/** What an earlier process has left: how far it had come, or how it ended. */
export interface AdoptedExecution {
  readonly request: ExecutionRequest;
  readonly saved?: unknown;
  readonly ended?: { readonly info: ExecutionInfo; readonly timedOut: boolean };
}

/**
 * All that another process needs to go on: plain JSON.
 *
 * @throws {SerializationError} when an input, a progress or a result is not JSON; names the execution.
 */
export function toCoordinatorSnapshot(fleet: Fleet): CoordinatorSnapshot {
  const executions = Array.from(fleet.records(), (record) => {
    const info = fleet.info(record.request.id) as ExecutionInfo;
    if (record.final !== undefined) return toPersistedRecord(record, info);
    if (info.state === "running.cancelling") return toPersistedRecord(record, asCancelled(info));
    return toPersistedExecution(record, fleet.dueAt(record));
  });
  return { status: "active", output: undefined, error: undefined, version: 1, executions };
}

/** Those that ran are queued again; the attempt that was cut short counts, but not as failed. */
export function adoptSnapshot(
  fleet: Fleet,
  { executions }: CoordinatorSnapshot,
  { clock, maxOfGroup, settings: common }: FleetOptions,
): void {
  const adopted = executions.map((execution): AdoptedExecution => {
    if (isPersistedRecord(execution)) {
      const { input, idempotencyKey, timeoutMs } = execution;
      const info = { ...execution.info, maxAttempts: execution.info.maxAttempts ?? Number.POSITIVE_INFINITY };
      return { request: { ...plain, ...info, input, idempotencyKey, timeoutMs }, ended: { info, timedOut: execution.timedOut === true } };
    }
    const { group, dueAt } = execution;
    const maxAttempts = execution.maxAttempts ?? Number.POSITIVE_INFINITY;
    const groupLimit = group === undefined ? Number.POSITIVE_INFINITY : maxOfGroup(group);
    const delayMs = dueAt === undefined ? 0 : Math.max(0, dueAt - clock.now());
    const settings =
      execution.settings === undefined ? undefined : resolveSettings(mergeSettings(common, withoutHidden(execution.settings)));
    return { request: { ...plain, ...execution, settings, maxAttempts, groupLimit, delayMs }, saved: fromPlain(execution.saved) };
  });
  fleet.adopt(adopted);
}

/** A secret that was not written is taken from what the coordinator has now. */
function withoutHidden({ llm, ...settings }: SettingsInput): SettingsInput {
  const { apiKey, ...rest } = llm ?? {};
  const isKnown = typeof apiKey === "string" && !Secret.isHiddenText(apiKey);
  return { ...settings, llm: isKnown ? { ...rest, apiKey } : rest };
}

/** A request with nothing special about it. */
const plain = {
  input: undefined,
  idempotencyKey: undefined,
  group: undefined,
  groupLimit: Number.POSITIVE_INFINITY,
  delayMs: 0,
  timeoutMs: undefined,
  timeLeftMs: undefined,
  onRetry: "restart",
  backoff: {},
  settings: undefined,
  signal: undefined,
  startedAt: undefined,
  trace: undefined,
} as const;

function toPersistedExecution(record: ExecutionRecord, dueAt: number | undefined): PersistedExecution {
  const { request, actor, status } = record;
  const { id, input, settings, priority, group, tags, idempotencyKey, maxAttempts, backoff, timeoutMs, takeovers, onRetry, trace } =
    request;
  // One that was timing out has failed already, and counts as that.
  const isCutShort = status === "running" && phaseOf(record) !== "timingOut";
  const saved = status === "queued" || isCutShort || onRetry === "resume" ? record.saved : undefined;
  const { attempt, queuedAt, startedAt } = (actor as NonNullable<typeof actor>).getSnapshot().context;
  return {
    id,
    input: toJson(input, `input of execution ${JSON.stringify(id)}`),
    priority,
    tags,
    maxAttempts: toFinite(maxAttempts),
    backoff,
    attempt,
    takeovers: takeovers + (isCutShort ? 1 : 0),
    queuedAt,
    // Written as JSON, a secret leaves nothing but its reference to the environment.
    ...(settings !== undefined && { settings: JSON.parse(JSON.stringify(settings)) }),
    ...(group !== undefined && { group }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(startedAt !== undefined && { startedAt }),
    ...(onRetry === "resume" && { onRetry }),
    ...(saved !== undefined && { saved: toJson(toPlain(saved), `what execution ${JSON.stringify(id)} saved`) }),
    ...(trace !== undefined && { trace }),
    ...(status === "queued" && dueAt !== undefined && { dueAt }),
  };
}

/** A cancel holds, also when the process ends before the orchestrator has settled. */
function asCancelled(info: ExecutionInfo): ExecutionInfo {
  return { ...info, status: "cancelled", state: "cancelled", completedAt: (info.startedAt ?? info.queuedAt) + info.durationMs };
}

function toPersistedRecord({ request, final }: ExecutionRecord, known: ExecutionInfo): PersistedRecord {
  const { id, input, idempotencyKey, timeoutMs, maxAttempts } = request;
  const info = toJson({ ...known, maxAttempts: toFinite(maxAttempts) }, `execution ${JSON.stringify(id)}`);
  return {
    info: info as PersistedRecord["info"],
    ...(final?.timedOut && { timedOut: true as const }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(idempotencyKey !== undefined && { idempotencyKey, input: toJson(input, `input of execution ${JSON.stringify(id)}`) }),
  };
}

function toFinite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}
