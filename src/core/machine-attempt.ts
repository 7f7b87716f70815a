import {
  type AnyActor,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventObject,
  getNextTransitions,
  transition,
} from "xstate";
import type { Clock } from "../ports/clock.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import type { AttemptHost, BeginAttempt, Delivery, RunningAttempt } from "./running-attempt.ts";

/** What a machine in a state with this tag does not need: a slot. */
const waitingTag = "waiting";

class HeldTimer {
  /** Undefined once it is cleared. */
  run: (() => void) | undefined;
  timer: unknown;

  constructor(run: () => void) {
    this.run = run;
  }
}

/** A machine that runs as an attempt. Its actor is a root actor, with a system of its own, on the clock it was made with. */
export interface MachineSubject {
  readonly machine: AnyStateMachine;
  readonly actor: AnyActor;
  /** What its end means for the attempt. */
  readonly result: Promise<unknown>;
  start(): void;
  /** Called when the attempt is asked to stop; `result` settles when it has. */
  stop(): void;
  send(event: EventObject): void;
  /** Whether it is a signal that may come from outside. */
  isSignal(type: string): boolean;
  /** Its progress, or undefined while it is on its way between two steps. */
  progressOf(snapshot: AnyMachineSnapshot): unknown;
}

export type MakeSubject = (input: unknown, host: AttemptHost, clock: Clock) => MachineSubject;

/** Runs an XState machine, as it is, as an attempt: a root actor of its own, with its own system and the coordinator's clock. */
export function machineAttempt(machine: AnyStateMachine, clock: Clock, inspect: InspectionObserver | undefined): BeginAttempt {
  return subjectAttempt((input, host, heldClock) => {
    const actor = createActor(machine, {
      id: host.executionId,
      input,
      clock: heldClock as { setTimeout(run: () => void, delayMs: number): unknown; clearTimeout(timer: unknown): void },
      ...(inspect !== undefined && { inspect }),
    });
    return {
      machine,
      actor,
      result: new Promise((resolve, reject) => {
        actor.subscribe({
          error: reject,
          complete: () => {
            const { status, output } = actor.getSnapshot();
            if (status === "done") resolve(output);
            else reject(host.signal.reason);
          },
        });
      }),
      start: () => void actor.start(),
      stop: () => void actor.stop(),
      send: (event) => actor.send(event),
      // Not what only XState sends: a signal cannot play a timer or an actor of the machine.
      isSignal: (type) => !type.startsWith("xstate."),
      progressOf: ({ value }) => value,
    };
  }, clock);
}

/** Runs a machine as an attempt; what makes it and what its end means is up to the subject. */
export function subjectAttempt(makeSubject: MakeSubject, clock: Clock): BeginAttempt {
  return (input, host) => new MachineAttempt(makeSubject, input, host, clock);
}

class MachineAttempt implements RunningAttempt {
  readonly result: Promise<unknown>;
  readonly #subject: MachineSubject;
  readonly #host: AttemptHost;
  readonly #actor: AnyActor;
  #holdsSlot = true;
  #delivering = false;
  /** What came while it had no slot, in the order in which it came. */
  #held: (EventObject | HeldTimer)[] = [];
  /** What the machine will be once it has taken the held signals. */
  #foreseen: AnyMachineSnapshot | undefined;
  #progress: string | undefined;

  constructor(makeSubject: MakeSubject, input: unknown, host: AttemptHost, clock: Clock) {
    this.#host = host;
    this.#subject = makeSubject(input, host, this.#heldBackClock(clock));
    this.#actor = this.#subject.actor;
    this.result = this.#subject.result;
    this.#actor.subscribe({ next: () => this.#follow(), error: () => {} });
    host.signal.addEventListener("abort", () => this.#subject.stop(), { once: true });
    this.#subject.start();
    this.#follow();
  }

  deliver(event: EventObject): Delivery {
    const snapshot = this.#foreseen ?? this.#actor.getSnapshot();
    if (!this.#takes(snapshot, event)) return { accepted: false, accepts: acceptedTypes(snapshot, this.#subject) };
    this.#host.signalled(event.type);
    if (this.#holdsSlot) {
      this.#subject.send(event);
    } else {
      this.#foreseen = this.#foresee(snapshot, event);
      this.#hold(event);
    }
    return { accepted: true };
  }

  continueWaiting(): void {
    this.#holdsSlot = true;
    this.#delivering = true;
    const held = this.#held;
    this.#held = [];
    this.#foreseen = undefined;
    for (const item of held) {
      if (item instanceof HeldTimer) item.run?.();
      else this.#subject.send(item);
    }
    this.#delivering = false;
    this.#follow();
  }

  #takes(snapshot: AnyMachineSnapshot, event: EventObject): boolean {
    if (!this.#subject.isSignal(event.type)) return false;
    try {
      return snapshot.status === "active" && snapshot.can(event as AnyEventObject);
    } catch (error) {
      this.#host.reportError(error);
      return false;
    }
  }

  /** A later signal is judged by the state that the held ones lead to, so that what is accepted will be taken. */
  #foresee(snapshot: AnyMachineSnapshot, event: EventObject): AnyMachineSnapshot {
    try {
      return transition(this.#subject.machine, snapshot, event as AnyEventObject)[0];
    } catch (error) {
      this.#host.reportError(error);
      return snapshot;
    }
  }

  /** Tells the supervisor what the machine's newest state means for its slot and its progress. */
  #follow(): void {
    const snapshot = this.#actor.getSnapshot();
    if (snapshot.status !== "active") return;
    const progress = this.#subject.progressOf(snapshot);
    const key = progress === undefined ? this.#progress : JSON.stringify(progress);
    if (key !== this.#progress) {
      this.#progress = key;
      this.#host.progress(progress);
    }
    if (this.#delivering) return;
    const waits = snapshot.hasTag(waitingTag);
    if (waits && this.#holdsSlot) {
      this.#holdsSlot = false;
      this.#host.waiting();
    } else if (!waits && !this.#holdsSlot) {
      this.#host.movedOn();
      this.continueWaiting();
    } else if (this.#foreseen !== undefined) {
      const signals = this.#held.filter((item): item is EventObject => !(item instanceof HeldTimer));
      this.#foreseen = signals.reduce<AnyMachineSnapshot>((next, event) => this.#foresee(next, event), snapshot);
    }
  }

  #hold(item: EventObject | HeldTimer): void {
    this.#held.push(item);
    if (this.#held.length === 1) this.#host.wantsSlot();
  }

  /** Timers of a machine without a slot are over when they are due, but act only when it has a slot again. */
  #heldBackClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonicNow: () => clock.monotonicNow(),
      setTimeout: (run, delayMs) => {
        const held = new HeldTimer(run);
        held.timer = clock.setTimeout(() => {
          if (this.#holdsSlot) held.run?.();
          else if (held.run !== undefined) this.#hold(held);
        }, delayMs);
        return held;
      },
      clearTimeout: (held) => {
        if (!(held instanceof HeldTimer)) return;
        held.run = undefined;
        clock.clearTimeout(held.timer);
      },
    };
  }
}

/** Event types that have a transition now, those of the machine's own actors and timers left out. */
function acceptedTypes(snapshot: AnyMachineSnapshot, subject: MachineSubject): string[] {
  if (snapshot.status !== "active") return [];
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return [...new Set(types)].filter((type) => type !== "" && !type.startsWith("xstate.") && subject.isSignal(type)).sort();
}
