import type { EventObject } from "xstate";
import type { CheckpointTimer } from "../model/checkpoint.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { TraceContext } from "../ports/tracing.ts";
import type { Settings } from "../settings/settings-schema.ts";

/** Whether an attempt takes a signal, and if not, which it would take. */
export type Delivery = { readonly accepted: true } | { readonly accepted: false; readonly accepts: readonly string[] };

/** An orchestrator at work for one attempt. */
export interface RunningAttempt {
  /** Settles when the orchestrator does. */
  readonly result: Promise<unknown>;
  deliver(event: EventObject): Delivery;
  /** Of a machine. */
  state?(): OrchestratorState;
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
  /** Of its execution. */
  readonly start: { readonly queuedAt: number; readonly group: string | undefined; readonly trace: TraceContext | undefined };
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
  /** Where machines are saved by more than what `checkpoint` keeps; absent where they are not. */
  readonly keeper?: MachineKeeper;
  /** Whether the next attempt goes on from what this one saved, when it fails. */
  readonly onRetry: "restart" | "resume";
  /** Saves a value for whoever goes on. */
  checkpoint(value: unknown): Promise<void>;
}

/** What a machine is at a moment between two steps. */
export interface MachineCapture {
  /** It has not come to its end. */
  readonly isLive: boolean;
  readonly timers: readonly CheckpointTimer[];
  /** How often each of its actors was begun. */
  readonly entries: Readonly<Record<string, number>>;
  /** Until its next timer is due. */
  readonly wakeInMs?: number;
  /** Is in a state tagged `waiting`, and nothing that would let it go on has come. */
  readonly waits: boolean;
  /** To put it down now would cut off something at work. */
  readonly isBusy: boolean;
  readonly isTaggedForSaving: boolean;
  /** Of a machine that has safe points of its own: the last one. */
  readonly safePoint?: unknown;
  /** The machine as plain data; of one with safe points the last one. To be called in the same turn. */
  persist(): unknown;
}

/** What a machine goes on from. */
export interface RestoredMachine {
  readonly snapshot: unknown;
  readonly timers: readonly CheckpointTimer[];
  readonly entries: Readonly<Record<string, number>>;
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
  /** Resolves when what the machine is by now is saved. @throws {LeaseLostError} when it will not be by this process. */
  saved(): Promise<void>;
  /** Asked at each safe point of a machine that has its own: whether it is to be given back there. */
  yields(): boolean;
}

/** Begins one attempt. May throw. */
export type BeginAttempt = (input: unknown, host: AttemptHost) => RunningAttempt;
