import { type AnyActorRef, type AnyStateMachine, createActor, type EventObject, type InspectionEvent, type Snapshot } from "xstate";
import { InvokeInterruptedError } from "../model/checkpoint-errors.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import type { HostMachine } from "./hosted-machine.ts";
import { InvokeEntries } from "./invoke-entries.ts";
import { isForeignSignal } from "./machine-of-orchestrator.ts";

/** A user's machine, as it is: the input is its input, its state value the progress, its output the result. */
export function plainMachine(machine: AnyStateMachine, inspect: InspectionObserver | undefined): HostMachine {
  const observer = typeof inspect === "function" ? { next: inspect } : inspect;
  return (input, { executionId }, keeper, clock) => {
    const { restored } = keeper;
    const entries = new InvokeEntries(executionId, restored?.entries, () => keeper.saved());
    const actor = createActor(machine, {
      id: executionId,
      input,
      clock: { setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout },
      ...(restored !== undefined && { snapshot: restored.snapshot as Snapshot<unknown> }),
      inspect: (event: InspectionEvent) => {
        if (event.type === "@xstate.actor") entries.made(event.actorRef as AnyActorRef);
        observer?.next?.(event);
      },
    });
    return {
      actor,
      start: () => {
        entries.begin();
        actor.start();
      },
      stop: () => actor.stop(),
      persist: () => actor.getPersistedSnapshot(),
      entries: () => entries.counts(),
      interrupt: (invokeId) => {
        const error = new InvokeInterruptedError({ executionId, invokeId, idempotencyKey: entries.lastKeyOf(invokeId) });
        actor.send({ type: `xstate.error.actor.${invokeId}`, actorId: invokeId, error } as EventObject);
      },
      isBusy: ({ children }) =>
        Object.values(children as Record<string, AnyActorRef | undefined>).some((child) => child?.getSnapshot()?.status === "active"),
      send: (event) => actor.send(event),
      isSignal: isForeignSignal,
      expects: () => false,
      toProgress: ({ value }) => value,
      toResult: async (output) => output,
    };
  };
}
