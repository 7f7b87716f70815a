import type { Checkpoint, CheckpointBudget } from "../model/checkpoint.ts";
import { fromJsonText, type JsonText } from "../model/json-text.ts";
import type { RetryPolicy } from "../model/retry-policy.ts";
import type { ClaimedExecution } from "../ports/store-claim.ts";
import type { TraceContext } from "../ports/tracing.ts";
import type { ExecutionRequest } from "./execution-record.ts";
import type { WorkerStint } from "./worker-stint.ts";

/** An execution that this worker has claimed, and what it must know to write about it. */
export class WorkerLease {
  readonly id: string;
  readonly fence: number;
  readonly execution: ClaimedExecution;
  /** What the fleet got; tells this claim from others of the same execution. */
  readonly request: ExecutionRequest;
  readonly restored: Checkpoint | undefined;
  /** On the monotonic clock. Past it, another worker may have taken over. */
  validUntil: number;
  /** Nothing may be written any more. */
  lost = false;
  /** Its end is being written. */
  settling = false;
  /** The store is settling it, and its place here is about to be free. */
  leaving = false;
  /** It is being put down: nothing is handed to it. */
  parking = false;
  /** Saves its machine. */
  keeper: { stepped(): void; stop(): void } | undefined;
  /** It should be given back at its next safe point. */
  yielding = false;
  /** Of a worker that has only so much time. */
  readonly stint: WorkerStint | undefined;
  progress: JsonText | undefined;
  progressUnsaved = false;
  revision: number;
  /** The last signal that its orchestrator has read. */
  consumedSignal: number;
  /** The last one that was handed over to be read. */
  deliveredSignal: number;
  /** One came before its orchestrator ran. */
  hasUndelivered = false;
  /** Numbers of those that were handed over and not read. */
  readonly unreadSignals: number[] = [];
  cancelReason: string | undefined;

  constructor(execution: ClaimedExecution, validUntil: number, stint?: WorkerStint) {
    this.id = execution.id;
    this.fence = execution.fence;
    this.execution = execution;
    this.validUntil = validUntil;
    this.stint = stint;
    stint?.began(this);
    this.restored = fromJsonText(execution.checkpoint?.body) as Checkpoint | undefined;
    this.request = toRequest(execution, this.restored?.budget);
    this.revision = execution.checkpoint?.revision ?? 0;
    this.consumedSignal = execution.consumedSignal;
    this.deliveredSignal = execution.consumedSignal;
  }

  /** What is left of the time of this attempt, for whoever goes on with it; undefined where it is not limited. */
  budget(leftMs: number): CheckpointBudget | undefined {
    return leftMs === Number.POSITIVE_INFINITY ? undefined : { failures: failuresOf(this.execution), leftMs };
  }

  yieldsAtSafePoint(): boolean {
    this.yielding ||= this.stint?.endsAt(this) === true;
    return this.yielding;
  }

  /** How many checkpoints were saved under it. */
  get saves(): number {
    return this.revision - (this.execution.checkpoint?.revision ?? 0);
  }

  isValidAt(monotonicNow: number): boolean {
    return !this.lost && monotonicNow < this.validUntil;
  }
}

/** The store has counted this attempt already; the fleet counts it when it begins. Groups and delays are the store's business. */
function toRequest(execution: ClaimedExecution, budget: CheckpointBudget | undefined): ExecutionRequest {
  const { retry } = execution;
  const { backoff = {}, onRetry = "restart" } = (fromJsonText(retry) ?? {}) as RetryPolicy;
  return {
    id: execution.id,
    input: JSON.parse(execution.input),
    settings: undefined,
    idempotencyKey: undefined,
    priority: execution.priority,
    group: execution.group,
    groupLimit: Number.POSITIVE_INFINITY,
    tags: execution.tags,
    delayMs: 0,
    timeoutMs: execution.timeoutMs,
    timeLeftMs: budget?.failures === failuresOf(execution) ? budget.leftMs : undefined,
    onRetry,
    maxAttempts: execution.maxAttempts,
    backoff,
    queuedAt: execution.queuedAt,
    signal: undefined,
    attempt: execution.attempt - 1,
    takeovers: execution.takeovers,
    startedAt: execution.startedAt,
    trace: fromJsonText(execution.trace) as TraceContext | undefined,
  };
}

/** How many attempts had failed before this one; a lost lease is no failure. */
function failuresOf({ attempt, takeovers }: ClaimedExecution): number {
  return attempt - takeovers - 1;
}
