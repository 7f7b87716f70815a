import type { EventObject } from "xstate";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { StoredSignal } from "../ports/store-message.ts";
import type { Delivery } from "./running-attempt.ts";
import type { WorkerLease } from "./worker-lease.ts";

export interface WorkerSignalsOptions {
  read(id: string, afterSequence: number): Promise<readonly StoredSignal[]>;
  /** Undefined while its orchestrator does not run. */
  deliver(lease: WorkerLease, event: EventObject): Delivery | undefined;
  /** Whether one that its orchestrator refuses is to be offered again; else it is dropped. */
  readonly keepsRefused: boolean;
  reportError(error: unknown): void;
}

/** Hands the stored signals of executions to their orchestrators, in order. */
export class WorkerSignals {
  readonly #options: WorkerSignalsOptions;
  readonly #reading = new Set<WorkerLease>();
  readonly #again = new Set<WorkerLease>();

  constructor(options: WorkerSignalsOptions) {
    this.#options = options;
  }

  /** There may be signals for it. */
  look(lease: WorkerLease): void {
    if (this.#reading.has(lease)) this.#again.add(lease);
    else void this.#read(lease);
  }

  async #read(lease: WorkerLease): Promise<void> {
    const { read, reportError } = this.#options;
    this.#reading.add(lease);
    try {
      do {
        this.#again.delete(lease);
        const signals = await read(lease.id, lease.deliveredSignal);
        const handedOver = signals.every((signal) => this.#hand(lease, signal));
        if (handedOver && signals.length > 0) this.#again.add(lease);
      } while (this.#again.has(lease) && !lease.lost);
    } catch (error) {
      // The next renewal tells again that there are signals.
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    } finally {
      this.#reading.delete(lease);
      this.#again.delete(lease);
    }
  }

  /** False when it has to wait, and all later ones with it. */
  #hand(lease: WorkerLease, { sequence, body }: StoredSignal): boolean {
    const { deliver, keepsRefused } = this.#options;
    if (lease.lost || lease.settling || lease.parking) return false;
    if (sequence <= lease.deliveredSignal) return true;
    // Before it is delivered: a function that waits for it reads it at once.
    lease.unreadSignals.push(sequence);
    const delivery = deliver(lease, JSON.parse(body) as EventObject);
    if (delivery === undefined || (!delivery.accepted && keepsRefused)) {
      lease.hasUndelivered ||= delivery === undefined;
      lease.unreadSignals.pop();
      return false;
    }
    if (!delivery.accepted) drop(lease);
    lease.deliveredSignal = sequence;
    return true;
  }
}

/** It counts as read with the one before it, or now where none is left. */
function drop(lease: WorkerLease): void {
  const sequence = lease.unreadSignals.pop() as number;
  if (lease.unreadSignals.length > 0) lease.unreadSignals[lease.unreadSignals.length - 1] = sequence;
  else lease.consumedSignal = sequence;
  lease.keeper?.stepped();
}
