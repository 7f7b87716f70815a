import type { Actor, AnyMachineSnapshot, AnyStateMachine, EventObject } from "xstate";
import type { Clock } from "../ports/clock.ts";
import type { AttemptHost, MachineKeeper } from "./running-attempt.ts";

/** A machine's actor, made but not begun, and how an attempt deals with it. */
export interface HostedMachine {
  readonly actor: Actor<AnyStateMachine>;
  start(): void;
  /** Asks it to come to its end; it may stop at once. */
  stop(): void;
  send(event: EventObject): void;
  /** What another process needs to go on with it, beside its timers. */
  persist(): unknown;
  /**
   * Present where the machine has safe points of its own: the last one, the same object until the next. `persist` is about it at any time,
   * also after the end, and timers are part of it.
   */
  safePoint?(): unknown;
  /** How often each of its actors was begun, by the ids that lead to it. */
  entries(): Readonly<Record<string, number>>;
  /** Tells the machine that an invoke was cut off by the end of its process. */
  interrupt(invokeId: string): void;
  /** Whether to put it down now would cut off something at work. */
  isBusy(snapshot: AnyMachineSnapshot): boolean;
  /** Whether events of this type may come from outside at all. */
  isSignal(type: string): boolean;
  /** Whether somebody beside the machine waits for this signal. */
  expects(event: EventObject): boolean;
  /** What is worth showing of a state; undefined for one that is only passed through. */
  toProgress(snapshot: AnyMachineSnapshot): unknown;
  /** The result of the attempt. Rejects when the output says that there is none. */
  toResult(output: unknown): Promise<unknown>;
}

/** Makes the actor of one attempt; its timers must be those of this clock. */
export type HostMachine = (input: unknown, host: AttemptHost, keeper: MachineKeeper, clock: Clock) => HostedMachine;
