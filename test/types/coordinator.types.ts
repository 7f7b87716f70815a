// Checked by tsc alone: every line that must not compile says so.
import { setup } from "xstate";
import { type AnyOrchestrator, type Coordinator, createCoordinator, type ExecutionInfo } from "../../src/index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <Value extends true>(_?: Value) => {};

export async function functionTypes(): Promise<void> {
  const coordinator = createCoordinator({ orchestrator: async (city: string, { signal }) => ({ city, aborted: signal.aborted }) });
  isTrue<Same<typeof coordinator, Coordinator<string, { city: string; aborted: boolean }>>>();
  const id = await coordinator.start("Lisbon");
  const result = await coordinator.waitFor(id);
  isTrue<Same<typeof result, { city: string; aborted: boolean }>>();
  const info = coordinator.getStatus(id);
  isTrue<Same<typeof info, ExecutionInfo<{ city: string; aborted: boolean }> | undefined>>();
  // @ts-expect-error the input is a string
  await coordinator.start(42);
  // @ts-expect-error there is no such option
  await coordinator.start("Lisbon", { prority: 1 });
  // @ts-expect-error retryIf is for the coordinator's options
  await coordinator.start("Lisbon", { retry: { retryIf: () => true } });
  // @ts-expect-error every entry needs an input
  await coordinator.startMany([{ options: { priority: 1 } }]);
  // @ts-expect-error there is no such status
  coordinator.list({ status: "done" });
  coordinator.send(id, { type: "approve", by: "Ada" });
  // @ts-expect-error a signal has a type
  coordinator.send(id, { by: "Ada" });
}

export async function machineTypes(): Promise<void> {
  const machine = setup({
    types: { input: {} as { amount: number }, context: {} as { amount: number }, output: {} as { paid: boolean } },
  }).createMachine({ context: ({ input }) => input, initial: "done", states: { done: { type: "final" } }, output: { paid: true } });
  const coordinator = createCoordinator({ orchestrator: machine });
  isTrue<Same<typeof coordinator, Coordinator<{ amount: number }, { paid: boolean }>>>();
  // @ts-expect-error the machine's input needs an amount
  await coordinator.start({ price: 3 });
  const { paid } = await coordinator.waitFor(await coordinator.start({ amount: 3 }));
  isTrue<Same<typeof paid, boolean>>();
}

export function eventTypes(coordinator: Coordinator<string, number>): void {
  coordinator.on("execution.completed", ({ result, durationMs }) => {
    isTrue<Same<typeof result, number>>();
    isTrue<Same<typeof durationMs, number>>();
  });
  coordinator.on("execution.failed", (event) => {
    isTrue<Same<typeof event.error.message, string>>();
    // @ts-expect-error a failed execution has no result
    event.result;
  });
  coordinator.on("*", (event) => {
    if (event.type === "execution.retrying") isTrue<Same<typeof event.delayMs, number>>();
  });
  // @ts-expect-error there is no such event
  coordinator.on("execution.exploded", () => {});
}

export function optionTypes(): void {
  // @ts-expect-error an orchestrator is a function or a machine
  createCoordinator({ orchestrator: "work" });
  // @ts-expect-error an orchestrator's function gives a promise
  createCoordinator({ orchestrator: (n: number) => n });
  // @ts-expect-error the limit is a number
  createCoordinator({ orchestrator: async () => {}, maxConcurrent: "5" });
  // @ts-expect-error executor and oracle come with the autonomous orchestrator
  createCoordinator({ executor: async () => {} });
}

/** A function of any input is an orchestrator. */
export const anyOrchestrator: AnyOrchestrator = async (_: { deep: [number] }) => "";
