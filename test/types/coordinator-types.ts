// Checked by the compiler alone: every line marked as an error must be one.
import { setup } from "xstate";
import { createMemoryQueue, createMemoryStore } from "../../src/adapters/memory/index.ts";
import {
  type Coordinator,
  type CoordinatorOptions,
  createCoordinator,
  createDurableCoordinator,
  type DurableCoordinator,
  type ExecutionInfo,
  type ExecutionScope,
  type RunOutcome,
  type RunRequest,
  type StepResult,
} from "../../src/index.ts";

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <Claim extends true>(): Claim | undefined => undefined;

export async function functionOrchestrators(): Promise<void> {
  const coordinator = createCoordinator({ orchestrator: async (input: { city: string }, _scope: ExecutionScope) => input.city.length });
  holds<Equals<typeof coordinator, Coordinator<{ city: string }, number>>>();

  const id = await coordinator.start({ city: "Lisbon" });
  // @ts-expect-error the input is the function's first parameter
  await coordinator.start("Lisbon");
  // @ts-expect-error a field is missing
  await coordinator.startMany([{ input: {} }]);
  // @ts-expect-error an input is always given
  await coordinator.start();

  const result = await coordinator.waitFor(id);
  holds<Equals<typeof result, number>>();
  const info = coordinator.getStatus(id);
  holds<Equals<typeof info, ExecutionInfo<number> | undefined>>();
  holds<Equals<NonNullable<typeof info>["result"], number | undefined>>();

  coordinator.on("execution.completed", ({ result }) => holds<Equals<typeof result, number>>());
  coordinator.on("execution.progressed", ({ progress }) => holds<Equals<typeof progress, unknown>>());
  coordinator.on("*", (event) => {
    if (event.type === "execution.failed") holds<Equals<typeof event.error.message, string>>();
    // @ts-expect-error only progressed events have progress
    event.progress;
  });
  // @ts-expect-error no such event
  coordinator.on("execution.exploded", () => {});
  for await (const event of coordinator.events()) {
    if (event.type === "events.overflowed") holds<Equals<typeof event.dropped, number>>();
    else holds<Equals<typeof event.executionId, string>>();
  }

  const answer = coordinator.send(id, { type: "approve", by: "me" });
  if (!answer.accepted) holds<Equals<typeof answer.reason, "unknown" | "final" | "notAccepted">>();
  // @ts-expect-error an event has a type
  coordinator.send(id, { by: "me" });
}

const machine = setup({
  types: { input: {} as { amount: number }, output: {} as { paid: boolean }, events: {} as { type: "approve" } },
}).createMachine({ initial: "end", states: { end: { type: "final" } }, output: { paid: true } });

export async function machineOrchestrators(): Promise<void> {
  const coordinator = createCoordinator({ orchestrator: machine });
  const id = await coordinator.start({ amount: 3 });
  // @ts-expect-error the input is the machine's own
  await coordinator.start({ amount: "3" });
  const output = await coordinator.waitFor(id);
  holds<Equals<typeof output, { paid: boolean }>>();
}

export function options(): void {
  const orchestrator = async (input: string) => input;
  // @ts-expect-error the orchestrator is not optional
  createCoordinator({});
  // @ts-expect-error a number
  createCoordinator({ orchestrator, maxConcurrent: "5" });
  // @ts-expect-error no such option
  createCoordinator({ orchestrator, concurrency: 5 });
  // @ts-expect-error an orchestrator gives a promise
  createCoordinator({ orchestrator: (input: string) => input.length });
  // @ts-expect-error no such backoff
  createCoordinator({ orchestrator, retry: { backoff: { type: "linear" } } });
  // @ts-expect-error both limits are needed
  createCoordinator({ orchestrator, rateLimit: { limit: 3 } });
  const given: CoordinatorOptions<typeof orchestrator> = { orchestrator, maxQueued: 0 };
  const coordinator = createCoordinator(given);
  // @ts-expect-error a start has no retryIf of its own
  void coordinator.start("x", { retry: { retryIf: () => true } });
  // @ts-expect-error no such status
  coordinator.list({ status: "done" });
  // @ts-expect-error no such mode
  void coordinator.close({ mode: "abort" });
  // @ts-expect-error a read model cannot be sent anything
  coordinator.stats.send({ type: "changed" });
}

interface Draft extends RunRequest {
  readonly tone: string;
}
interface Written extends StepResult {
  readonly words: number;
}

export async function durableCoordinators(): Promise<void> {
  const common = { name: "test", store: createMemoryStore(), queue: createMemoryQueue() };
  const ofFunction = createDurableCoordinator({ ...common, orchestrator: async (input: { city: string }) => input.city.length });
  holds<Equals<typeof ofFunction, DurableCoordinator<{ city: string }, number>>>();
  const ofMachine = createDurableCoordinator({ ...common, orchestrator: machine });
  holds<Equals<typeof ofMachine, DurableCoordinator<{ amount: number }, { paid: boolean }>>>();
  const ofParts = createDurableCoordinator({
    ...common,
    executor: async ({ tone }: Draft): Promise<Written> => ({ success: true, output: tone, words: 1 }),
    oracle: async () => ({ isComplete: true, canContinue: false, confidence: 1, analysis: "" }),
  });
  holds<Equals<typeof ofParts, DurableCoordinator<Draft, RunOutcome<Written>>>>();
  await ofParts.start({ id: "a", prompt: "write", tone: "dry" });
  // @ts-expect-error a field is missing
  await ofParts.start({ id: "a", prompt: "write" });
  const info = await ofParts.getStatus("a");
  holds<Equals<typeof info, ExecutionInfo<RunOutcome<Written>> | undefined>>();
  // @ts-expect-error a durable coordinator has a store
  createDurableCoordinator({ name: "test", executor: async () => ({ success: true, output: "" }) });
  // @ts-expect-error the store remembers
  createDurableCoordinator({ ...common, snapshot: {}, executor: async () => ({ success: true, output: "" }) });
}
