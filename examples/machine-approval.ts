/** An XState machine as the orchestrator: it waits for somebody's approval, which arrives as a signal, and holds no slot while it waits. */
import { assign, fromPromise, setup } from "xstate";
import { createCoordinator } from "../src/index.ts";

const expenseMachine = setup({
  types: {
    input: {} as { euros: number },
    context: {} as { euros: number; approvedBy?: string },
    events: {} as { type: "expense.approve"; by: string } | { type: "expense.reject" },
    output: {} as string,
    tags: {} as "waiting",
  },
  actors: { pay: fromPromise(async ({ input }: { input: { euros: number } }) => `${input.euros} euros paid`) },
}).createMachine({
  id: "expense",
  context: ({ input }) => ({ euros: input.euros }),
  initial: "asking",
  states: {
    asking: {
      tags: "waiting", // The one thing that the coordinator needs to know: here the machine waits for the world outside.
      on: {
        "expense.approve": { target: "paying", actions: assign({ approvedBy: ({ event }) => event.by }) },
        "expense.reject": "rejected",
      },
    },
    paying: { invoke: { src: "pay", input: ({ context }) => ({ euros: context.euros }), onDone: "paid" } },
    paid: { type: "final" },
    rejected: { type: "final" },
  },
  output: ({ context }) =>
    context.approvedBy === undefined ? "rejected" : `${context.euros} euros paid, approved by ${context.approvedBy}`,
});

// One slot, and yet both expenses are under way: who waits for an approval holds none.
const coordinator = createCoordinator({ orchestrator: expenseMachine, maxConcurrent: 1 });
const events = coordinator.events();
const laptop = await coordinator.start({ euros: 1_200 }, { id: "laptop" });
const yacht = await coordinator.start({ euros: 900_000 }, { id: "yacht" });
let waiting = 0;
for await (const event of events) if (event.type === "execution.waiting" && ++waiting === 2) break;
for (const { id, state, progress } of coordinator.list().items) console.log(`${id}: ${state}, the machine is ${progress}`);

// A signal that the machine's state has no use for is refused, with what it would take instead.
const refused = coordinator.send(laptop, { type: "expense.refund" });
if (!refused.accepted) console.log(`refund: ${refused.reason}; accepted now: ${refused.accepts.join(", ")}`);

console.log("approve:", coordinator.send(laptop, { type: "expense.approve", by: "Grace" }));
console.log("reject:", coordinator.send(yacht, { type: "expense.reject" }));
console.log(`laptop: ${await coordinator.waitFor(laptop)}`);
console.log(`yacht: ${await coordinator.waitFor(yacht)}`);

console.log("approve again:", coordinator.send(laptop, { type: "expense.approve", by: "Ada" }));
await coordinator.close();
