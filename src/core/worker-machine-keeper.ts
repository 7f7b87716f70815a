import type { Checkpoint } from "../model/checkpoint.ts";
import { CheckpointRefusedError, CheckpointTooLargeError, YieldedError } from "../model/checkpoint-errors.ts";
import { SerializationError } from "../model/errors.ts";
import { toJsonText } from "../model/json-text.ts";
import { LeaseLostError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CheckpointReport, NewCheckpoint, ParkReport } from "../ports/store-settle.ts";
import type { CheckpointPolicy, RestorePolicy } from "./durable-options.ts";
import { fromPlain, toPlain } from "./durable-plain.ts";
import type { MachineCapture, MachineKeeper, RestoredMachine } from "./running-attempt.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** A machine whose next timer is due sooner than this stays in memory. */
const shortestParkMs = 1_000;

export interface WorkerMachineKeeperOptions {
  readonly clock: Clock;
  readonly machineId: string;
  readonly machineVersion: string | undefined;
  readonly maxCheckpointBytes: number;
  readonly policy: CheckpointPolicy;
  readonly restore: RestorePolicy;
  /** Of the time of this attempt. */
  remainingMs(): number;
  save(lease: WorkerLease, checkpoint: NewCheckpoint): Promise<CheckpointReport>;
  park(lease: WorkerLease, checkpoint: NewCheckpoint, wakeInMs: number | undefined): Promise<ParkReport>;
  lost(lease: WorkerLease, why: string): void;
  parked(lease: WorkerLease): void;
  /** There are signals that it has not read. */
  refusedPark(lease: WorkerLease): void;
}

/** Somebody who acts only once everything up to now is saved. */
interface Saver {
  resolve(): void;
  reject(error: unknown): void;
}

type Attached = Parameters<MachineKeeper["attach"]>[0];

/**
 * Saves a machine after its steps, one write at a time: what happens during a write is saved by the next. One that waits with nothing at
 * work is parked: saved and given up until something comes for it.
 */
export class WorkerMachineKeeper implements MachineKeeper {
  readonly restored: RestoredMachine | undefined;
  readonly #lease: WorkerLease;
  readonly #options: WorkerMachineKeeperOptions;
  #machine: Attached | undefined;
  #unsaved = false;
  #saving = false;
  #savedAt = Number.NEGATIVE_INFINITY;
  /** What was written last: of a machine with safe points, nothing new is to be saved before the next. */
  #written: { readonly safePoint: unknown; readonly consumedSignal: number } | undefined;
  #savers: Saver[] = [];
  #over = false;
  #later: unknown;

  /** @throws {CheckpointRefusedError} when what was saved does not fit this machine. */
  constructor(lease: WorkerLease, options: WorkerMachineKeeperOptions) {
    this.#lease = lease;
    this.#options = options;
    this.restored = lease.restored && this.#toRestored(lease.restored);
  }

  attach(machine: Attached): void {
    this.#machine = machine;
  }

  stepped(): void {
    this.#unsaved = true;
    if (this.#saving || this.#over) return;
    this.#saving = true;
    queueMicrotask(() => void this.#saveAll());
  }

  async saved(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#savers.push({ resolve, reject });
      if (this.#over || this.#lease.lost) this.#disappoint();
      else this.stepped();
    });
  }

  yields(): boolean {
    return this.#lease.yieldsAtSafePoint();
  }

  /** Its attempt has ended. */
  stop(): void {
    this.#over = true;
    this.#options.clock.clearTimeout(this.#later);
    this.#disappoint();
  }

  /** Whoever waits for a save must not act on it. */
  #disappoint(): void {
    for (const { reject } of this.#savers.splice(0)) reject(new LeaseLostError(this.#lease.id, "its attempt is over here"));
  }

  async #saveAll(): Promise<void> {
    // Not in the turn of the step: a machine that is in the midst of one gives a torn snapshot.
    await undefined;
    try {
      while (this.#unsaved && !this.#over && !this.#lease.lost && !this.#lease.settling) {
        this.#unsaved = false;
        await this.#save();
      }
    } catch (error) {
      this.#machine?.fail(error);
    } finally {
      this.#saving = false;
    }
  }

  async #save(): Promise<void> {
    const machine = this.#machine as Attached;
    const lease = this.#lease;
    const capture = machine.capture();
    if (!capture.isLive) {
      this.#disappoint();
      return;
    }
    const { waits, isBusy, wakeInMs } = capture;
    const savers = this.#savers;
    const parks = waits && !isBusy && !lease.yielding && savers.length === 0 && (wakeInMs ?? Number.POSITIVE_INFINITY) >= shortestParkMs;
    const yields = lease.yielding && !isBusy;
    if (!parks && !yields && savers.length === 0 && !this.#isWanted(capture)) return;
    const checkpoint = this.#toCheckpoint(capture, parks);
    if (parks && (await this.#park(checkpoint, wakeInMs))) return;
    if (!parks) {
      this.#savers = [];
      await this.#write(checkpoint, capture, savers);
    }
    if (yields && !this.#unsaved && !lease.lost) throw new YieldedError(lease.id);
  }

  async #write(checkpoint: NewCheckpoint, { safePoint }: MachineCapture, savers: readonly Saver[]): Promise<void> {
    const report = await this.#options.save(this.#lease, checkpoint);
    this.#savedAt = this.#options.clock.monotonicNow();
    if (report.saved && !this.#lease.lost) {
      this.#written = { safePoint, consumedSignal: checkpoint.consumedSignal };
      for (const { resolve } of savers) resolve();
      return;
    }
    this.#savers.push(...savers);
    if (this.#over) this.#disappoint();
    if (report.saved) return;
    if (report.reason === "unstorable") throw new SerializationError("checkpoint", "the store cannot keep it, it may be too large");
    this.#options.lost(this.#lease, report.reason);
  }

  /** False when it goes on here. */
  async #park(checkpoint: NewCheckpoint, wakeInMs: number | undefined): Promise<boolean> {
    const { park, parked, lost } = this.#options;
    const lease = this.#lease;
    lease.parking = true;
    this.#machine?.hold(true);
    const report = await park(lease, checkpoint, wakeInMs);
    if (report.parked) {
      this.#over = true;
      parked(lease);
      return true;
    }
    lease.parking = false;
    if (report.reason === "unstorable") throw new SerializationError("checkpoint", "the store cannot keep it, it may be too large");
    if (report.reason !== "unreadSignal" && report.reason !== "cancelRequested") {
      lost(lease, report.reason);
      return true;
    }
    this.#machine?.hold(false);
    this.#options.refusedPark(lease);
    return false;
  }

  #isWanted({ isTaggedForSaving, safePoint }: MachineCapture): boolean {
    const { policy, clock } = this.#options;
    const written = this.#written;
    if (safePoint !== undefined && written?.safePoint === safePoint && written.consumedSignal === this.#lease.consumedSignal) return false;
    if (policy === "every") return true;
    if (policy === "tagged") return isTaggedForSaving;
    const leftMs = this.#savedAt + policy.throttleMs - clock.monotonicNow();
    if (leftMs <= 0) return true;
    clock.clearTimeout(this.#later);
    this.#later = clock.setTimeout(() => this.stepped(), leftMs);
    return false;
  }

  #toCheckpoint({ persist, timers, entries }: MachineCapture, parks: boolean): NewCheckpoint {
    const { machineId, machineVersion, maxCheckpointBytes } = this.#options;
    const lease = this.#lease;
    const { consumedSignal } = lease;
    const budget = lease.budget(this.#options.remainingMs());
    const checkpoint: Checkpoint = {
      machineId,
      ...(machineVersion !== undefined && { version: machineVersion }),
      snapshot: plainOrRefused(persist),
      timers: timers.map((timer) => ({ ...timer, event: plainOrRefused(() => timer.event) })),
      consumedSignal,
      entries,
      ...(budget !== undefined && { budget }),
      ...(parks && { parked: true }),
    };
    const body = toJsonText(checkpoint, "checkpoint");
    const bytes = new TextEncoder().encode(body).length;
    if (bytes > maxCheckpointBytes) throw new CheckpointTooLargeError({ executionId: lease.id, bytes, maxCheckpointBytes });
    lease.revision += 1;
    return { revision: lease.revision, body, consumedSignal, ...(machineVersion !== undefined && { machineVersion }) };
  }

  #toRestored(saved: Checkpoint): RestoredMachine {
    const { machineId, machineVersion, restore, clock } = this.#options;
    const { id } = this.#lease;
    let checkpoint = saved;
    if (saved.version !== machineVersion || saved.machineId !== machineId) {
      if (restore.migrate === undefined) throw new CheckpointRefusedError(id, mismatch(saved, machineId, machineVersion));
      try {
        checkpoint = restore.migrate(saved);
      } catch (error) {
        throw new CheckpointRefusedError(id, "migrate threw", error);
      }
      if (checkpoint.machineId !== machineId) throw new CheckpointRefusedError(id, mismatch(checkpoint, machineId, machineVersion));
    }
    const now = clock.now();
    const policy = checkpoint.parked ? "absolute" : (restore.timers ?? "absolute");
    const timers = checkpoint.timers.map((timer) => ({
      ...timer,
      event: fromPlain(timer.event),
      dueAt: policy === "absolute" ? timer.dueAt : now + (policy === "restart" ? timer.delayMs : (timer.leftMs ?? timer.delayMs)),
    }));
    const snapshot = fromPlain(checkpoint.snapshot);
    const { entries = {} } = checkpoint;
    return { snapshot, timers, entries, interrupted: restore.invokes === "fail" ? takeInterrupted(snapshot) : [] };
  }
}

/** Takes the invokes that were at work out of the snapshot. Machines that were invoked go on: they are saved with it. */
function takeInterrupted(snapshot: unknown): string[] {
  const { children = {} } = snapshot as { children?: Record<string, { snapshot?: { status?: unknown; value?: unknown } }> };
  const interrupted = Object.keys(children).filter((id) => {
    const child = children[id]?.snapshot;
    return child?.status === "active" && child.value === undefined;
  });
  for (const id of interrupted) delete children[id];
  return interrupted;
}

function plainOrRefused(toValue: () => unknown): unknown {
  try {
    return toPlain(toValue());
  } catch (error) {
    throw new SerializationError("checkpoint", error instanceof Error ? error.message : String(error), error);
  }
}

function mismatch({ machineId, version }: Checkpoint, wantedId: string, wantedVersion: string | undefined): string {
  const describe = (id: string, of: string | undefined) =>
    `machine ${JSON.stringify(id)}${of === undefined ? "" : ` version ${JSON.stringify(of)}`}`;
  return `it is of ${describe(machineId, version)}, this worker runs ${describe(wantedId, wantedVersion)}`;
}
