import type { EventObject } from "xstate";
import type { CheckpointTimer } from "../model/checkpoint.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { Settings } from "../settings/settings-schema.ts";

/** Whether an attempt takes a signal, and if not, which it would take. */
export type Delivery = { readonly accepted: true } | { readonly accepted: false; readonly accepts: readonly string[] };

/** An orchestrator at work for one attempt. */
export interface RunningAttempt {
  /** Settles when the orchestrator does. */
  readonly result: Promise<unknown>;
  deliver(event: EventObject): Delivery;
  /** It holds a slot again: what was held back while it waited may go on. */
  continueWaiting(): void;
}

/** What a running attempt tells the supervisor, and may ask of it. */
export interface AttemptHost {
  readonly executionId: string;
  readonly attempt: number;
  /** Of its lease; absent where there is none. */
  readonly fence?: number;
  readonly signal: AbortSignal;
  readonly settings: Settings | undefined;
  now(): number;
  remainingMs(): number;
  progress(value: unknown): void;
  /** It waits for a signal: others may use its slot. */
  waiting(): void;
  /** Something came for it while it waited: it wants a slot to go on. */
  wantsSlot(): void;
  /** It moved on by itself, without having been given a slot. */
  movedOn(): void;
  /** A fact about an autonomous run. */
  tell(event: RunEvent): void;
  /** It takes this signal, and will now act on it. */
  signalled(signal: string): void;
  reportError(error: unknown): void;
  /** What was saved last, by an earlier attempt or by another process; undefined when nothing was. */
  readonly restored: unknown;
  /** Its orchestrator has got the next of the signals that were delivered. */
  signalRead?(): void;
  /** Where machines are saved; absent where they are not. */
  readonly keeper?: MachineKeeper;
  /** Saves a value for whoever goes on. */
  checkpoint(value: unknown): Promise<void>;
}

/** What a machine is at a moment between two steps. */
export interface MachineCapture {
  /** It has not come to its end. */
  readonly isLive: boolean;
  readonly snapshot: unknown;
  readonly timers: readonly CheckpointTimer[];
  /** Is in a state tagged `waiting`, and nothing that would let it go on has come. */
  readonly waits: boolean;
  /** An actor that it started is at work. */
  readonly isBusy: boolean;
  readonly isTaggedForSaving: boolean;
}

/** What a machine goes on from. */
export interface RestoredMachine {
  readonly snapshot: unknown;
  readonly timers: readonly CheckpointTimer[];
  /** Ids of invokes that were at work and are to be told as failed. */
  readonly interrupted: readonly string[];
}

/** Saves a machine as it goes, and gives what was saved. */
export interface MachineKeeper {
  readonly restored: RestoredMachine | undefined;
  /** From now on this machine is there to be looked at. `fail` ends its attempt; `hold` keeps it from going on until it is let go again. */
  attach(machine: { capture(): MachineCapture; fail(error: unknown): void; hold(holds: boolean): void }): void;
  /** It has made a step. */
  stepped(): void;
}

/** Begins one attempt. May throw. */
export type BeginAttempt = (input: unknown, host: AttemptHost) => RunningAttempt;
