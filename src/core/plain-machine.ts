import { type AnyStateMachine, createActor, type Snapshot } from "xstate";
import type { InspectionObserver } from "./coordinator-options.ts";
import type { HostMachine } from "./hosted-machine.ts";
import { isForeignSignal } from "./machine-of-orchestrator.ts";

/** A user's machine, as it is: the input is its input, its state value the progress, its output the result. */
export function plainMachine(machine: AnyStateMachine, inspect: InspectionObserver | undefined): HostMachine {
  return (input, { executionId, keeper }, clock) => {
    const snapshot = keeper?.restored?.snapshot as Snapshot<unknown> | undefined;
    const timers = { setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout };
    const actor = createActor(machine, {
      id: executionId,
      input,
      clock: timers,
      ...(snapshot !== undefined && { snapshot }),
      ...(inspect !== undefined && { inspect }),
    });
    return {
      actor,
      start: () => actor.start(),
      stop: () => actor.stop(),
      persist: () => actor.getPersistedSnapshot(),
      isPutDownWhole: true,
      send: (event) => actor.send(event),
      isSignal: isForeignSignal,
      expects: () => false,
      toProgress: ({ value }) => value,
      toResult: async (output) => output,
    };
  };
}
