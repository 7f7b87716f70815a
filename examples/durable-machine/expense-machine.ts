import { assign, fromPromise, setup } from "xstate";

export interface Expense {
  readonly what: string;
  readonly euros: number;
}

/** Asks for an approval, waits three days for the answer at most, and pays or does not. Nothing in it knows of processes or stores. */
export const expenseMachine = setup({
  types: {
    input: {} as Expense,
    context: {} as Expense & { answer: string },
    events: {} as { type: "expense.approve"; by: string } | { type: "expense.reject"; by: string },
    output: {} as string,
    tags: {} as "waiting",
  },
  actors: { pay: fromPromise(async ({ input }: { input: Expense }) => `${input.euros} euros paid for ${input.what}`) },
  delays: { patience: 3 * 24 * 60 * 60_000 },
}).createMachine({
  id: "expense",
  context: ({ input }) => ({ ...input, answer: "nobody answered in three days" }),
  initial: "asking",
  states: {
    asking: {
      tags: "waiting", // Saved with its timer and put down: until an answer or the timer comes, no process holds anything of it.
      on: {
        "expense.approve": { target: "paying", actions: assign({ answer: ({ event }) => `approved by ${event.by}` }) },
        "expense.reject": { target: "ended", actions: assign({ answer: ({ event }) => `rejected by ${event.by}` }) },
      },
      after: { patience: "ended" },
    },
    paying: {
      invoke: {
        src: "pay",
        input: ({ context }) => context,
        onDone: { target: "ended", actions: assign({ answer: ({ context, event }) => `${event.output}, ${context.answer}` }) },
      },
    },
    ended: { type: "final" },
  },
  output: ({ context }) => context.answer,
});
