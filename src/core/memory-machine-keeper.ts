import type { AttemptHost, MachineCapture, MachineKeeper, RestoredMachine } from "./running-attempt.ts";

type Attached = Parameters<MachineKeeper["attach"]>[0];

/** Keeps in this process what a machine can go on from: its last safe point, and of one without any, where it was after its last step. */
export class MemoryMachineKeeper implements MachineKeeper {
  readonly restored: RestoredMachine | undefined;
  readonly #host: AttemptHost;
  #machine: Attached | undefined;
  #looksAfterSteps = false;
  #isLooking = false;

  constructor(host: AttemptHost) {
    this.#host = host;
    this.restored = host.restored as RestoredMachine | undefined;
  }

  attach(machine: Attached): void {
    this.#machine = machine;
    const capture = machine.capture();
    this.#looksAfterSteps = this.#host.onRetry === "resume" && capture.safePoint === undefined;
    if (capture.safePoint !== undefined) this.#keep(withSafePoint(capture));
    // Restoring has made one thing of what was kept and the machine.
    else if (this.restored !== undefined) this.#keep({ ...this.restored, snapshot: capture.persist() });
  }

  stepped(): void {
    if (!this.#looksAfterSteps || this.#isLooking) return;
    this.#isLooking = true;
    // Not in the turn of the step: a machine that is in the midst of one gives a torn snapshot.
    queueMicrotask(() => {
      this.#isLooking = false;
      const capture = this.#machine?.capture();
      if (!capture?.isLive) return;
      const { timers, entries } = capture;
      this.#keep({ snapshot: capture.persist(), timers, entries, interrupted: [] });
    });
  }

  async saved(): Promise<void> {}

  yields(): boolean {
    return false;
  }

  #keep(machine: RestoredMachine): void {
    void this.#host.checkpoint(machine);
  }
}

/** Made when somebody needs it: it is there at any time, and costs as much as there are tasks waiting. */
function withSafePoint(capture: MachineCapture): RestoredMachine {
  return {
    get snapshot() {
      return capture.persist();
    },
    timers: [],
    entries: {},
    interrupted: [],
  };
}
