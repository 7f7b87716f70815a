import type { Checkpoint } from "../model/checkpoint.ts";
import { CheckpointTooLargeError, YieldedError } from "../model/checkpoint-errors.ts";
import { SerializationError } from "../model/errors.ts";
import { type JsonText, toJsonText } from "../model/json-text.ts";
import type { RunEvent } from "../model/run-event.ts";
import { LeaseLostError } from "../model/store-errors.ts";
import type { CheckpointReport, NewCheckpoint } from "../ports/store-settle.ts";
import type { Settings } from "../settings/settings-schema.ts";
import type { AttemptHost, MachineKeeper } from "./running-attempt.ts";
import type { WorkerLease } from "./worker-lease.ts";
import type { WorkerSlots } from "./worker-slots.ts";

export interface WorkerHostOptions {
  readonly machineId: string;
  readonly machineVersion: string | undefined;
  readonly maxCheckpointBytes: number;
  save(lease: WorkerLease, checkpoint: NewCheckpoint): Promise<CheckpointReport>;
  progressed(lease: WorkerLease): void;
  lost(lease: WorkerLease, why: string): void;
  /** Where groups are limited across processes. */
  readonly slots: WorkerSlots | undefined;
}

/** What a function in a worker tells and asks: as in memory, and what it saves goes to the store. */
export class WorkerHost implements AttemptHost {
  readonly keeper?: MachineKeeper;
  readonly settings: Settings | undefined;
  readonly #host: AttemptHost;
  readonly #lease: WorkerLease;
  readonly #options: WorkerHostOptions;

  constructor(
    host: AttemptHost,
    lease: WorkerLease,
    options: WorkerHostOptions,
    settings: Settings | undefined,
    keeper: MachineKeeper | undefined,
  ) {
    if (keeper !== undefined) this.keeper = keeper;
    this.settings = settings;
    this.#host = host;
    this.#lease = lease;
    this.#options = options;
  }

  get #slots(): WorkerSlots | undefined {
    return this.#lease.execution.group === undefined ? undefined : this.#options.slots;
  }

  get executionId(): string {
    return this.#host.executionId;
  }

  get attempt(): number {
    return this.#host.attempt;
  }

  get start(): AttemptHost["start"] {
    return this.#host.start;
  }

  get fence(): number {
    return this.#lease.fence;
  }

  get signal(): AbortSignal {
    return this.#host.signal;
  }

  get restored(): unknown {
    return this.#lease.restored?.snapshot;
  }

  now(): number {
    return this.#host.now();
  }

  remainingMs(): number {
    return Math.min(this.#host.remainingMs(), this.#lease.stint?.remainingMs() ?? Number.POSITIVE_INFINITY);
  }

  /** @throws {SerializationError} */
  progress(value: unknown): void {
    this.#lease.progress = toJsonText(value, "progress") as JsonText | undefined;
    this.#lease.progressUnsaved = true;
    this.#options.progressed(this.#lease);
    this.#host.progress(value);
  }

  tell(event: RunEvent): void {
    this.#host.tell(event);
  }

  waiting(): void {
    this.#slots?.yield(this.#lease);
    this.#host.waiting();
  }

  wantsSlot(): void {
    if (this.#slots === undefined) this.#host.wantsSlot();
    else this.#slots.take(this.#lease, () => this.#host.wantsSlot());
  }

  movedOn(): void {
    this.#slots?.force(this.#lease);
    this.#host.movedOn();
  }

  get onRetry(): "restart" | "resume" {
    return this.#host.onRetry;
  }

  signalled(signal: string): void {
    this.#host.signalled(signal);
  }

  signalRead(): void {
    const lease = this.#lease;
    lease.consumedSignal = lease.unreadSignals.shift() ?? lease.consumedSignal;
  }

  reportError(error: unknown): void {
    this.#host.reportError(error);
  }

  /** @throws {SerializationError} {@link CheckpointTooLargeError} {@link LeaseLostError} {@link YieldedError} */
  async checkpoint(value: unknown): Promise<void> {
    const lease = this.#lease;
    const { save, lost, machineVersion, maxCheckpointBytes } = this.#options;
    const consumedSignal = lease.consumedSignal;
    const body = this.#toBody(value, consumedSignal);
    const bytes = new TextEncoder().encode(body).length;
    if (bytes > maxCheckpointBytes) throw new CheckpointTooLargeError({ executionId: lease.id, bytes, maxCheckpointBytes });
    if (lease.lost) throw new LeaseLostError(lease.id, "it could not be renewed in time");
    lease.revision += 1;
    const version = machineVersion === undefined ? {} : { machineVersion };
    const report = await save(lease, { revision: lease.revision, body, consumedSignal, ...version });
    if (!report.saved) {
      if (report.reason === "unstorable") throw new SerializationError("checkpoint", "the store cannot keep it, it may be too large");
      lost(lease, report.reason);
      throw new LeaseLostError(lease.id, report.reason);
    }
    if (lease.yieldsAtSafePoint()) throw new YieldedError(lease.id);
  }

  #toBody(value: unknown, consumedSignal: number): JsonText {
    const { machineId, machineVersion } = this.#options;
    const budget = this.#lease.budget(this.#host.remainingMs());
    const checkpoint: Checkpoint = {
      machineId,
      ...(machineVersion !== undefined && { version: machineVersion }),
      snapshot: value,
      timers: [],
      consumedSignal,
      entries: {},
      ...(budget !== undefined && { budget }),
    };
    return toJsonText(checkpoint, "checkpoint");
  }
}
