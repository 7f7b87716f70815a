import type { AttemptOutcome } from "../model/attempt-outcome.ts";
import { YieldedError } from "../model/checkpoint-errors.ts";
import { SerializationError } from "../model/errors.ts";
import { type JsonText, toJsonText } from "../model/json-text.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { Writable } from "../model/writable.ts";
import type { Settlement, SettleOutcome, SettleReport } from "../ports/store-settle.ts";
import type { AttemptCustody } from "./attempt-custody.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import { type ExecutionRecord, phaseOf } from "./execution-record.ts";
import type { EventDetails } from "./outbox.ts";
import type { SupervisorEvent } from "./supervisor.ts";
import type { WorkerLease } from "./worker-lease.ts";

export interface SettlerOptions {
  /** The lease under which it runs; undefined when it is lost. */
  leaseOf(record: ExecutionRecord): WorkerLease | undefined;
  write(lease: WorkerLease, settlement: Settlement): Promise<SettleReport>;
  send(event: SupervisorEvent): void;
  lost(lease: WorkerLease, why: string): void;
  /** The store has accepted; undefined when it is queued again. */
  settled(lease: WorkerLease, end: StoredEnd | undefined, abandoned: boolean): void;
  /** Its orchestrator has settled after its lease was lost. */
  unwound(run: AttemptRun): void;
  /** Whether the next attempt gets what this one saved, where its start did not ask for it: functions do, machines begin anew. */
  readonly retryCheckpoint: "keep" | "drop";
  reportError(error: unknown): void;
}

/** One of its own each time: a shared one would keep whoever waits for it. */
const never = () => new Promise<never>(() => {});

/** Writes the ends of attempts to the store; what it accepted is what counts here. */
export class WorkerSettler implements AttemptCustody {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  async settle(run: AttemptRun, outcome: AttemptOutcome): Promise<AttemptOutcome> {
    const { leaseOf, send, unwound } = this.#options;
    const { record } = run;
    const lease = leaseOf(record);
    if (lease === undefined) {
      unwound(run);
      return never();
    }
    // It is being given back or marked as abandoned: two ends under one lease would be two truths.
    if (lease.settling) return never();
    const checkpoint = record.request.onRetry === "resume" ? "keep" : this.#options.retryCheckpoint;
    const wanted = toSettleOutcome(record, outcome, checkpoint);
    send({ type: "attempt.settling", run });
    const report = await this.#write(lease, wanted);
    if (!report.settled) return never();
    if (report.status === "queued") return never();
    if (report.status === "cancelled" && wanted.type !== "cancel") {
      const reason = lease.cancelReason;
      send({ type: "attempt.cancelSettled", run, reason });
      return { type: "cancelled", at: run.now(), ...(reason !== undefined && { reason }) };
    }
    if (report.status === "failed" && outcome.type === "succeeded") return { type: "failed", at: run.now(), error: unstorableResult };
    return outcome;
  }

  abandon(record: ExecutionRecord): void {
    void this.#abandon(record);
  }

  /** Gives it back for another worker, in its old place. Whether the store took it; if not, its lease runs out. */
  async release(lease: WorkerLease): Promise<boolean> {
    const report = await this.#write(lease, { type: "release" });
    return report.settled;
  }

  /** Ends what waits for a slot here. */
  async cancelUnbegun(lease: WorkerLease, reason: string | undefined): Promise<void> {
    const report = await this.#write(lease, { type: "cancel", ...(reason !== undefined && { reason }) });
    if (!report.settled || report.status === "queued") return;
    const { startedAt = report.at } = lease.execution;
    const details = {
      type: "execution.cancelled",
      durationMs: Math.max(0, report.at - startedAt),
      ...(reason !== undefined && { reason }),
    };
    this.#options.send({ type: "execution.leave", request: lease.request, details: details as EventDetails });
  }

  async #abandon(record: ExecutionRecord): Promise<void> {
    const { leaseOf, send } = this.#options;
    const lease = leaseOf(record);
    if (lease === undefined || lease.settling) return;
    const { error, reason } = record.actor?.getSnapshot().context ?? {};
    const timedOut = phaseOf(record) === "timingOut";
    const report = await this.#write(
      lease,
      timedOut
        ? { type: "fail", error: toErrorText(error), abandoned: true }
        : { type: "cancel", abandoned: true, ...(reason !== undefined && { reason }) },
    );
    if (!report.settled) return;
    if (report.status === "cancelled" && timedOut && record.run !== undefined) {
      send({ type: "attempt.cancelSettled", run: record.run, reason: lease.cancelReason });
    }
    send({ type: "execution.abandonSettled", record });
  }

  async #write(lease: WorkerLease, outcome: SettleOutcome): Promise<SettleReport> {
    const { lost, settled, send, write, reportError } = this.#options;
    const { id, fence, progress } = lease;
    lease.settling = true;
    try {
      const report = given(outcome, await write(lease, { id, fence, outcome, ...(progress !== undefined && { progress }) }));
      if (report.settled) {
        if (report.status === "queued") send({ type: "execution.leave", request: lease.request, details: retryDetails(outcome) });
        settled(lease, toEnd(lease, report.status, outcome), "abandoned" in outcome && outcome.abandoned === true);
        return report;
      }
      if (report.reason === "unstorable" && outcome.type !== "fail")
        return this.#write(lease, { type: "fail", error: toErrorText(unstorableResult) });
      lost(lease, report.reason);
      return report;
    } catch (error) {
      reportError(error);
      lost(lease, "its end could not be written");
      return { settled: false, reason: "expired" };
    }
  }
}

/** An answer that comes late may tell an end that came of a later lease: under this one, it was given back. */
function given({ type }: SettleOutcome, report: SettleReport): SettleReport {
  const isGivenBack = type === "retry" || type === "release";
  const hasEndedSince = report.settled && (report.status === "completed" || report.status === "failed");
  return isGivenBack && hasEndedSince ? { ...report, status: "queued" } : report;
}

const unstorableResult = new SerializationError("result", "the store cannot keep it, it may be too large");

function toSettleOutcome(record: ExecutionRecord, outcome: AttemptOutcome, checkpoint: "keep" | "drop"): SettleOutcome {
  const { error, reason, retryDelayMs } = record.actor?.getSnapshot().context ?? {};
  const phase = phaseOf(record);
  if (phase === "cancelling") return { type: "cancel", ...(reason !== undefined && { reason }) };
  if (phase === "timingOut") return toFailure(error, retryDelayMs, checkpoint);
  if (outcome.type === "cancelled") return { type: "cancel", ...(outcome.reason !== undefined && { reason: outcome.reason }) };
  if (outcome.type === "failed") {
    const yielded = outcome.error instanceof YieldedError && outcome.error.executionId === record.request.id;
    return yielded ? { type: "release" } : toFailure(outcome.error, outcome.retryDelayMs, checkpoint);
  }
  try {
    const result = toJsonText(outcome.result as unknown, "result") as JsonText | undefined;
    return result === undefined ? { type: "complete" } : { type: "complete", result };
  } catch (thrown) {
    return toFailure(thrown, undefined, checkpoint);
  }
}

function toFailure(error: unknown, delayMs: number | undefined, checkpoint: "keep" | "drop"): SettleOutcome {
  const text = toErrorText(error);
  return delayMs === undefined ? { type: "fail", error: text } : { type: "retry", error: text, delayMs, checkpoint };
}

function toErrorText(error: unknown): JsonText {
  return JSON.stringify(toSerializedError(error));
}

function retryDetails(outcome: SettleOutcome): EventDetails | undefined {
  return outcome.type === "retry" ? { type: "execution.retrying", error: JSON.parse(outcome.error), delayMs: outcome.delayMs } : undefined;
}

function toEnd(lease: WorkerLease, status: StoredEnd["status"] | "queued", outcome: SettleOutcome): StoredEnd | undefined {
  const { id, execution, cancelReason } = lease;
  if (status === "queued") return undefined;
  const reason = outcome.type === "cancel" ? (outcome.reason ?? cancelReason) : cancelReason;
  const end: Writable<StoredEnd> = { id, status };
  if (outcome.type === "complete" && outcome.result !== undefined) end.result = outcome.result;
  if (outcome.type === "fail") end.error = outcome.error;
  if (reason !== undefined) end.reason = reason;
  if (execution.timeoutMs !== undefined) end.timeoutMs = execution.timeoutMs;
  return end;
}
