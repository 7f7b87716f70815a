import type { Actor, AnyMachineSnapshot, AnyStateMachine, EventObject } from "xstate";
import type { Clock } from "../ports/clock.ts";
import type { AttemptHost } from "./running-attempt.ts";

/** A machine's actor, made but not begun, and how an attempt deals with it. */
export interface HostedMachine {
  readonly actor: Actor<AnyStateMachine>;
  start(): void;
  /** Asks it to come to its end; it may stop at once. */
  stop(): void;
  send(event: EventObject): void;
  /** What another process needs to go on with it. */
  persist(): unknown;
  /** Whether that, with its timers, is all of it, so that it can be put down while it waits. */
  readonly isPutDownWhole: boolean;
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
export type HostMachine = (input: unknown, host: AttemptHost, clock: Clock) => HostedMachine;
