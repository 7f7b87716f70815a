import { assign, setup as defineMachine } from "xstate";
import { initialModelState, type ModelCommand, type ModelSetup, type ModelState } from "./model-state.ts";
import { isEnabled, step } from "./model-step.ts";

/** The abstract model as a machine, for the walk over its graph: no invoke, no `after`, its state all in the context. */
export function createCoordinatorModel(setup: ModelSetup) {
  return defineMachine({
    types: { context: {} as ModelState, events: {} as ModelCommand },
    actions: { takeStep: assign(({ context, event }) => step(context, event)) },
    guards: { isEnabled: ({ context, event }) => isEnabled(context, event) },
  }).createMachine({
    id: "coordinator",
    context: initialModelState(setup),
    on: { "*": { guard: "isEnabled", actions: "takeStep" } },
  });
}

/** Every command of a model, whether or not it can be given now. */
export function commandsOf({ commands, executions, limits = [] }: ModelSetup): ModelCommand[] {
  return commands.flatMap((type): ModelCommand[] => {
    if (type === "setMaxConcurrent") return limits.map((to) => ({ type, to }));
    if (type === "start" || type === "pause" || type === "resume" || type === "tick" || type === "cleanup") return [{ type }];
    return executions.map((_, of) => ({ type, of }) as ModelCommand);
  });
}
