import { fromPromise, setup } from "xstate";

/** An order that is charged once somebody approved it. What it charges with is given by the test. */
export function orderMachine(charge: () => Promise<unknown>) {
  return setup({
    types: {
      input: {} as { total: number },
      context: {} as { total: number },
      events: {} as { type: "approve"; by?: string } | { type: "reject" } | { type: "packed" },
    },
    actors: { charge: fromPromise(charge) },
  }).createMachine({
    id: "order",
    context: ({ input }) => input,
    initial: "checking",
    states: {
      checking: { after: { 0: "waitingForApproval" } },
      waitingForApproval: { tags: "waiting", on: { approve: "fulfilling", reject: "rejected" }, after: { 259200000: "rejected" } },
      fulfilling: {
        initial: "charging",
        states: {
          charging: { invoke: { src: "charge", onDone: "packing", onError: "#order.notPaid" } },
          packing: { on: { packed: "shipped" } },
          shipped: { type: "final" },
        },
        onDone: "done",
      },
      notPaid: { type: "final" },
      rejected: { type: "final" },
      done: { type: "final" },
    },
  });
}
