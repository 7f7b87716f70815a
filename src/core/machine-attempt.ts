import {
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

/** Runs an XState machine, as it is, as an attempt: a root actor of its own, with its own system and the coordinator's clock. */
export function machineAttempt(machine: AnyStateMachine, clock: Clock, inspect: InspectionObserver | undefined): BeginAttempt {
  return (input, host) => new MachineAttempt(machine, input, host, clock, inspect);
}

class MachineAttempt implements RunningAttempt {
  readonly result: Promise<unknown>;
  readonly #machine: AnyStateMachine;
  readonly #host: AttemptHost;
  readonly #actor;
  #holdsSlot = true;
  #delivering = false;
  /** What came while it had no slot, in the order in which it came. */
  #held: (EventObject | HeldTimer)[] = [];
  /** What the machine will be once it has taken the held signals. */
  #foreseen: AnyMachineSnapshot | undefined;
  #progress: string | undefined;

  constructor(machine: AnyStateMachine, input: unknown, host: AttemptHost, clock: Clock, inspect: InspectionObserver | undefined) {
    this.#machine = machine;
    this.#host = host;
    this.#actor = createActor(machine, {
      id: host.executionId,
      input,
      clock: this.#heldBackClock(clock),
      ...(inspect !== undefined && { inspect }),
    });
    this.result = new Promise((resolve, reject) => {
      this.#actor.subscribe({
        next: () => this.#follow(),
        error: reject,
        complete: () => {
          const { status, output } = this.#actor.getSnapshot();
          if (status === "done") resolve(output);
          else reject(host.signal.reason);
        },
      });
    });
    host.signal.addEventListener("abort", () => this.#actor.stop(), { once: true });
    this.#actor.start();
    this.#follow();
  }

  deliver(event: EventObject): Delivery {
    const snapshot = this.#foreseen ?? this.#actor.getSnapshot();
    if (!this.#takes(snapshot, event)) return { accepted: false, accepts: acceptedTypes(snapshot) };
    this.#host.signalled(event.type);
    if (this.#holdsSlot) {
      this.#actor.send(event);
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
      else this.#actor.send(item);
    }
    this.#delivering = false;
    this.#follow();
  }

  /** Not what only XState sends: a signal cannot play a timer or an actor of the machine. */
  #takes(snapshot: AnyMachineSnapshot, event: EventObject): boolean {
    if (event.type.startsWith("xstate.")) return false;
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
      return transition(this.#machine, snapshot, event as AnyEventObject)[0];
    } catch (error) {
      this.#host.reportError(error);
      return snapshot;
    }
  }

  /** Tells the supervisor what the machine's newest state means for its slot and its progress. */
  #follow(): void {
    const snapshot = this.#actor.getSnapshot();
    if (snapshot.status !== "active") return;
    const progress = JSON.stringify(snapshot.value);
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#host.progress(snapshot.value);
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
  #heldBackClock(clock: Clock): {
    setTimeout(run: () => void, delayMs: number): HeldTimer;
    clearTimeout(timer: HeldTimer | undefined): void;
  } {
    return {
      setTimeout: (run, delayMs) => {
        const held = new HeldTimer(run);
        held.timer = clock.setTimeout(() => {
          if (this.#holdsSlot) held.run?.();
          else if (held.run !== undefined) this.#hold(held);
        }, delayMs);
        return held;
      },
      clearTimeout: (held) => {
        if (held === undefined) return;
        held.run = undefined;
        clock.clearTimeout(held.timer);
      },
    };
  }
}

/** Event types that have a transition now, those of the machine's own actors and timers left out. */
function acceptedTypes(snapshot: AnyMachineSnapshot): string[] {
  if (snapshot.status !== "active") return [];
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return [...new Set(types)].filter((type) => type !== "" && !type.startsWith("xstate.")).sort();
}
