import { assign, fromPromise, setup } from "xstate";

export interface MachineWork {
  readonly id: string;
  readonly steps: number;
  readonly workMs: number;
  /** It rests once, put down, for so long. */
  readonly restMs: number;
}

interface Progress extends MachineWork {
  readonly step: number;
  readonly heard: readonly number[];
  readonly ended: boolean;
}

/** Steps with effects, a rest in the middle, and at the end it waits until it is told that nothing more will be told. */
export function createFaultMachine(haveEffect: (id: string, step: number, workMs: number, signal: AbortSignal) => Promise<void>) {
  return setup({
    types: {
      input: {} as MachineWork,
      context: {} as Progress,
      events: {} as { type: "told"; n: number } | { type: "ended" },
      output: {} as { steps: number; heard: readonly number[] },
    },
    actors: {
      effect: fromPromise<void, { id: string; step: number; workMs: number }>(({ input, signal }) =>
        haveEffect(input.id, input.step, input.workMs, signal),
      ),
    },
    actions: { stepDone: assign({ step: ({ context }) => context.step + 1 }) },
    guards: {
      isMiddle: ({ context }) => context.restMs > 0 && context.step + 1 === Math.ceil(context.steps / 2),
      isLast: ({ context }) => context.step + 1 >= context.steps,
    },
    delays: { rest: ({ context }) => context.restMs },
  }).createMachine({
    id: "fault",
    context: ({ input }) => ({ ...input, step: 0, heard: [], ended: false }),
    initial: "working",
    on: {
      told: { actions: assign({ heard: ({ context, event }) => [...context.heard, event.n] }) },
      ended: { actions: assign({ ended: true }) },
    },
    states: {
      working: {
        invoke: {
          src: "effect",
          input: ({ context }) => ({ id: context.id, step: context.step + 1, workMs: context.workMs }),
          onDone: [
            { guard: "isLast", target: "listening", actions: "stepDone" },
            { guard: "isMiddle", target: "resting", actions: "stepDone" },
            { target: "working", reenter: true, actions: "stepDone" },
          ],
        },
      },
      resting: { tags: "waiting", after: { rest: "working" } },
      listening: { tags: "waiting", always: { guard: ({ context }) => context.ended, target: "done" } },
      done: { type: "final" },
    },
    output: ({ context }) => ({ steps: context.step, heard: context.heard }),
  });
}
