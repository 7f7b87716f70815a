import { type AnyEventObject, type AnyMachineSnapshot, type EventObject, transition } from "xstate";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { Clock } from "../ports/clock.ts";
import { MachineTimers } from "./durable-machine-timers.ts";
import type { HostedMachine, HostMachine } from "./hosted-machine.ts";
import { acceptedSignals } from "./machine-of-orchestrator.ts";
import { MemoryMachineKeeper } from "./memory-machine-keeper.ts";
import type { AttemptHost, BeginAttempt, Delivery, MachineCapture, MachineKeeper, RunningAttempt } from "./running-attempt.ts";

/** What a machine in a state with this tag does not need: a slot. */
const waitingTag = "waiting";
/** States in which it is saved, where not all are. */
const savingTag = "checkpoint";

class HeldTimer {
  /** Undefined once it is cleared. */
  run: (() => void) | undefined;
  timer: unknown;

  constructor(run: () => void) {
    this.run = run;
  }
}

/** Runs a machine as an attempt: a root actor with a system of its own, on the coordinator's clock. */
export function machineAttempt(hostMachine: HostMachine, clock: Clock): BeginAttempt {
  return (input, host) => new MachineAttempt(hostMachine, input, host, clock);
}

class MachineAttempt implements RunningAttempt {
  readonly result: Promise<unknown>;
  readonly #host: AttemptHost;
  readonly #keeper: MachineKeeper;
  readonly #machine: HostedMachine;
  #holdsSlot = true;
  #delivering = false;
  /** What came while it had no slot. */
  #held: (EventObject | HeldTimer)[] = [];
  /** What the machine will be once it has taken the held signals. */
  #foreseen: AnyMachineSnapshot | undefined;
  #progress: string | undefined;
  #onHold = false;
  #slotCame = false;
  readonly #timers: MachineTimers;

  constructor(hostMachine: HostMachine, input: unknown, host: AttemptHost, clock: Clock) {
    this.#host = host;
    this.#keeper = host.keeper ?? new MemoryMachineKeeper(host);
    const { restored } = this.#keeper;
    this.#machine = hostMachine(input, host, this.#keeper, this.#heldBackClock(clock));
    const { actor } = this.#machine;
    this.#timers = new MachineTimers(actor, () => host.now());
    this.result = new Promise((resolve, reject) => {
      this.#keeper.attach({
        capture: () => this.#capture(),
        hold: (holds) => this.#putOnHold(holds),
        fail: (error) => {
          reject(error);
          actor.stop();
        },
      });
      actor.subscribe({
        next: () => this.#follow(),
        error: reject,
        complete: () => {
          const { status, output } = actor.getSnapshot();
          if (status === "done") resolve(this.#machine.toResult(output));
          else reject(host.signal.reason);
        },
      });
    });
    // Whoever runs the attempt hears of it, also when the machine does not begin.
    this.result.catch(() => {});
    host.signal.addEventListener("abort", () => this.#machine.stop(), { once: true });
    // Whoever was told of its making may have cancelled it.
    if (host.signal.aborted) {
      actor.stop();
      throw host.signal.reason;
    }
    this.#machine.start();
    if (host.signal.aborted) this.#machine.stop();
    if (restored !== undefined) {
      this.#timers.restore(restored.timers);
      for (const id of restored.interrupted) this.#machine.interrupt(id);
    }
    this.#follow();
  }

  #capture(): MachineCapture {
    const machine = this.#machine;
    const snapshot = machine.actor.getSnapshot();
    const timers = this.#timers.pending();
    const wakeInMs = Math.min(...timers.map(({ leftMs = 0 }) => leftMs));
    const safePoint = machine.safePoint?.();
    return {
      isLive: snapshot.status === "active",
      persist: () => machine.persist(),
      timers: safePoint === undefined ? timers : [],
      entries: machine.entries(),
      ...(wakeInMs < Number.POSITIVE_INFINITY && { wakeInMs }),
      waits: !this.#holdsSlot && this.#held.length === 0 && snapshot.hasTag(waitingTag),
      isBusy: machine.isBusy(snapshot),
      isTaggedForSaving: safePoint !== undefined || snapshot.hasTag(savingTag),
      ...(safePoint !== undefined && { safePoint }),
    };
  }

  /** While it is put down: what comes for it waits. */
  #putOnHold(holds: boolean): void {
    this.#onHold = holds;
    if (!holds && this.#slotCame) this.continueWaiting();
  }

  state(): OrchestratorState {
    const snapshot = this.#newest();
    return { value: snapshot.value, accepts: this.#acceptedTypes(snapshot) };
  }

  deliver(event: EventObject): Delivery {
    const snapshot = this.#newest();
    if (!this.#takes(snapshot, event)) return { accepted: false, accepts: this.#acceptedTypes(snapshot) };
    this.#host.signalled(event.type);
    if (this.#holdsSlot) {
      this.#host.signalRead?.();
      this.#machine.send(event);
    } else {
      this.#foreseen = this.#foresee(snapshot, event);
      this.#hold(event);
    }
    return { accepted: true };
  }

  continueWaiting(): void {
    this.#slotCame = this.#onHold;
    if (this.#onHold) return;
    this.#holdsSlot = true;
    this.#delivering = true;
    // A signal was accepted for the state in which it came: it goes before timers that have run out meanwhile.
    const signals = this.#held.filter((item) => !(item instanceof HeldTimer));
    const held = [...signals, ...this.#held.filter((item) => item instanceof HeldTimer)];
    this.#held = [];
    this.#foreseen = undefined;
    for (const item of held) {
      if (item instanceof HeldTimer) item.run?.();
      else {
        this.#host.signalRead?.();
        this.#machine.send(item);
      }
    }
    this.#delivering = false;
    this.#follow();
  }

  #takes(snapshot: AnyMachineSnapshot, event: EventObject): boolean {
    if (!this.#machine.isSignal(event.type)) return false;
    try {
      if (this.#machine.expects(event)) return true;
      return snapshot.status === "active" && snapshot.can(event as AnyEventObject);
    } catch (error) {
      this.#host.reportError(error);
      return false;
    }
  }

  /** A later signal is judged by the state that the held ones lead to, so that what is accepted will be taken. */
  #foresee(snapshot: AnyMachineSnapshot, event: EventObject): AnyMachineSnapshot {
    try {
      return transition(this.#machine.actor.logic, snapshot, event as AnyEventObject)[0];
    } catch (error) {
      this.#host.reportError(error);
      return snapshot;
    }
  }

  /** Tells the supervisor what the machine's newest state means for its slot and its progress. */
  #follow(): void {
    const snapshot = this.#machine.actor.getSnapshot();
    if (snapshot.status !== "active") return;
    this.#timers.notice();
    this.#keeper.stepped();
    this.#show(this.#machine.toProgress(snapshot));
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

  #show(progress: unknown): void {
    const text = progress === undefined ? this.#progress : JSON.stringify(progress);
    if (text === this.#progress) return;
    this.#progress = text;
    this.#host.progress(progress);
  }

  #hold(item: EventObject | HeldTimer): void {
    this.#held.push(item);
    if (this.#held.length === 1) this.#host.wantsSlot();
  }

  #newest(): AnyMachineSnapshot {
    return this.#foreseen ?? this.#machine.actor.getSnapshot();
  }

  #acceptedTypes(snapshot: AnyMachineSnapshot): string[] {
    return acceptedSignals(snapshot, (type) => this.#machine.isSignal(type));
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
      clearTimeout: (timer) => {
        if (!(timer instanceof HeldTimer)) return;
        timer.run = undefined;
        clock.clearTimeout(timer.timer);
      },
    };
  }
}
