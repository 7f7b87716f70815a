import type { ExecutionCounts, ExecutionStatus } from "../model/execution.ts";
import type { StoredExecution, StoredExecutionSummary } from "../model/stored-execution.ts";
import type {
  ClaimReport,
  ClaimRequest,
  MachineSelector,
  RenewReport,
  RenewRequest,
  SlotReport,
  SlotRequest,
  SweepReport,
  SweepRequest,
} from "./store-claim.ts";
import type { InsertReport, InsertRequest } from "./store-insert.ts";
import type {
  AppendEventsReport,
  AppendEventsRequest,
  AppendSignalReport,
  AppendSignalsRequest,
  CancelReport,
  CancelRequest,
  ReadRequest,
  StoredEvent,
  StoredSignal,
  StoreNotice,
  StoreWatch,
  WatchRequest,
} from "./store-message.ts";
import type { CheckpointReport, CheckpointRequest, ParkReport, ParkRequest, SettleReport, SettleRequest } from "./store-settle.ts";

/** What a store can do beyond the promises that all keep. */
export interface StoreCapabilities {
  /** Several processes can use the same data at once. */
  readonly shared: boolean;
  /** What an accepted write survives: nothing, the end of the process, or the loss of power. */
  readonly durability: "none" | "process" | "power";
  /** Whether other processes' changes are told as they happen, or found by looking at intervals and told as `missed`. */
  readonly notices: "pushed" | "polled";
  /** What `InsertRequest.transaction` may be: nothing, a handle that `store.transaction` gives, or the caller's database client. */
  readonly transactions: "none" | "handle" | "client";
  /** Among whom groups of equal priority take turns: all claims of the store, or those of one process. */
  readonly roundRobin: "store" | "process" | "none";
  readonly groupLimits: boolean;
  readonly rateLimits: boolean;
  /** How many settling writes it is well to have under way, because it works on them at once; 1. */
  readonly writesAtOnce?: number;
  /** Per input, result, checkpoint, signal or event; what is larger is refused as `unstorable`. */
  readonly maxPayloadBytes: number;
}

/**
 * Where durable coordinators keep their executions. The store is the truth: what it accepted is so, and nothing else is.
 *
 * - Every write may be repeated when its answer was lost, and then reports what the first one did.
 * - A batch reports per item, in its order; a refusal is a value and touches no other item.
 * - Every write of a worker carries its lease and is refused once the lease has expired or a higher fence exists.
 * - A stored cancel wins: whatever is written about the execution afterwards ends it as cancelled.
 * - Callers send durations; instants are the store's. Payloads are JSON text that comes back letter by letter.
 * - Rejects with `StoreUnavailableError` when it is unknown whether the write happened.
 */
export interface ExecutionStore {
  readonly capabilities: StoreCapabilities;

  /** Makes the records durable before it resolves, each queued, in the order given. */
  insert(request: InsertRequest): Promise<readonly InsertReport[]>;

  /** The records of these ids, each consistent in itself; undefined where there is none. */
  get(name: string, ids: readonly string[]): Promise<readonly (StoredExecution | undefined)[]>;

  /** One page in the order of start; going from cursor to cursor shows every record that matches throughout exactly once. */
  list(request: ListRequest): Promise<StoredPage>;

  /** How many records have each status now, and how many of the queued ones this machine cannot run. */
  counts(request: CountsRequest): Promise<StoredCounts>;

  /** Takes up to `limit` claimable executions, highest priority first, each for no other claim until its lease expires. */
  claim(request: ClaimRequest): Promise<ClaimReport>;

  /** Prolongs leases that have not expired, and tells what was stored for their holder. */
  renew(request: RenewRequest): Promise<readonly RenewReport[]>;

  /** Changes whether executions count against their group's limit, without exceeding it unless forced. */
  changeSlots(request: SlotRequest): Promise<readonly SlotReport[]>;

  /** Saves checkpoints and progress, and forgets the signals that are part of them. */
  checkpoint(request: CheckpointRequest): Promise<readonly CheckpointReport[]>;

  /** Gives leases up, with an end or for another claim; a final status is written once. */
  settle(request: SettleRequest): Promise<readonly SettleReport[]>;

  /** Saves executions and gives their leases up until a signal, a cancel or `wakeInMs`, unless a signal is unread or a cancel stored. */
  park(request: ParkRequest): Promise<readonly ParkReport[]>;

  /** Ends what nobody holds as cancelled at once, and records for the holder of the rest that it should end. */
  requestCancel(request: CancelRequest): Promise<readonly CancelReport[]>;

  /** Stores signals in order for executions that have not ended, and wakes those that are parked. */
  appendSignals(request: AppendSignalsRequest): Promise<readonly AppendSignalReport[]>;

  /** Signals in order that no checkpoint has consumed; none are removed by reading. */
  readSignals(request: ReadRequest): Promise<readonly StoredSignal[]>;

  /** Stores events of executions in order and numbers them. */
  appendEvents(request: AppendEventsRequest): Promise<readonly AppendEventsReport[]>;

  /** Kept events in order. */
  readEvents(request: ReadRequest): Promise<readonly StoredEvent[]>;

  /** Calls `listener` with hints of what happens from the moment it resolves. The listener must not throw. */
  watch(request: WatchRequest, listener: (notice: StoreNotice) => void): Promise<StoreWatch>;

  /** Takes expired leases back, and makes claimable what is due. */
  sweep(request: SweepRequest): Promise<SweepReport>;

  /** Ids of claimable executions that nobody has claimed for so long, oldest first: what a queue beside the store may have lost. */
  findOverdue(request: { readonly name: string; readonly waitingMs: number; readonly limit: number }): Promise<readonly string[]>;

  /** Removes final records, with their signals and events, that ended more than `olderThanMs` ago, oldest first; says how many. */
  remove(request: { readonly name: string; readonly olderThanMs: number /** 1 000. */; readonly limit?: number }): Promise<number>;

  /** Lets go of connections, files and timers; calls after it reject. Closing twice is the same. */
  close(): Promise<void>;
}

/** Which records a list shows. */
export interface ListRequest {
  readonly name: string;
  readonly status?: ExecutionStatus;
  readonly group?: string;
  readonly tag?: string;
  readonly limit: number;
  /** By the order of start; oldest first. */
  readonly order?: "oldest" | "newest";
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

/** One page of a list. */
export interface StoredPage {
  readonly items: readonly StoredExecutionSummary[];
  /** Present when there may be more. */
  readonly nextCursor?: string;
}

/** Whose records to count. */
export interface CountsRequest {
  readonly name: string;
  /** Also counts what this worker cannot run. */
  readonly runs?: MachineSelector;
}

/** Records by status. */
export interface StoredCounts extends ExecutionCounts {
  /** Claimable, but not by the machine asked for; 0 without one. */
  readonly unclaimable: number;
  /** Running, but parked. */
  readonly parked: number;
}
