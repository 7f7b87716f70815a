import type { EventObject } from "xstate";

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
  readonly signal: AbortSignal;
  now(): number;
  remainingMs(): number;
  progress(value: unknown): void;
  /** It waits for a signal: others may use its slot. */
  waiting(): void;
  /** Something came for it while it waited: it wants a slot to go on. */
  wantsSlot(): void;
  /** It moved on by itself, without having been given a slot. */
  movedOn(): void;
  /** It takes this signal, and will now act on it. */
  signalled(signal: string): void;
  reportError(error: unknown): void;
}

/** Begins one attempt. May throw. */
export type BeginAttempt = (input: unknown, host: AttemptHost) => RunningAttempt;
