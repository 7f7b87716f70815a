import { assign, createActor, emit, enqueueActions, fromPromise, sendParent, sendTo, setup } from "xstate";
import { awaitAll, type Contender, maxConcurrent, noOperation } from "./contender.ts";

const executionMachine = setup({
  types: { input: {} as { input: number }, context: {} as { input: number }, events: {} as { type: "run" } },
  actors: { perform: fromPromise<number, { input: number }>(({ input }) => noOperation(input.input)) },
}).createMachine({
  context: ({ input }) => input,
  initial: "queued",
  states: {
    queued: { on: { run: "running" } },
    running: {
      invoke: {
        src: "perform",
        input: ({ context }) => context,
        onDone: {
          target: "completed",
          actions: sendParent(({ self, event }) => ({ type: "completed", id: self.id, result: event.output })),
        },
      },
    },
    completed: { type: "final" },
  },
});

interface SupervisorContext {
  executions: Record<string, { status: "queued" | "running" | "completed"; result?: number }>;
  queue: string[];
  running: number;
}

/**
 * The supervisor that XState's documentation leads to: one `spawnChild` per execution, all bookkeeping in `assign`, nothing changed in place.
 * Each event copies the records, and XState copies the children. Results are told by an emitted event, since a subscription with `waitFor`
 * per execution would cost another factor.
 */
const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as
      | { type: "start"; id: string; input: number }
      | { type: "completed"; id: string; result: number }
      | { type: "pause" | "resume" },
    emitted: {} as { type: "told"; id: string; result: number },
  },
  actors: { execution: executionMachine },
  actions: {
    admit: enqueueActions(({ context, enqueue }) => {
      const admitted = context.queue.slice(0, maxConcurrent - context.running);
      if (admitted.length === 0) return;
      enqueue.assign({
        executions: { ...context.executions, ...Object.fromEntries(admitted.map((id) => [id, { status: "running" as const }])) },
        queue: context.queue.slice(admitted.length),
        running: context.running + admitted.length,
      });
      for (const id of admitted) enqueue(sendTo(id, { type: "run" }));
    }),
  },
}).createMachine({
  context: { executions: {}, queue: [], running: 0 },
  initial: "open",
  on: {
    start: {
      actions: [
        enqueueActions(({ enqueue, event }) => enqueue.spawnChild("execution", { id: event.id, input: { input: event.input } })),
        assign(({ context, event }) => ({
          executions: { ...context.executions, [event.id]: { status: "queued" as const } },
          queue: [...context.queue, event.id],
        })),
      ],
    },
    completed: {
      actions: [
        assign(({ context, event }) => ({
          executions: { ...context.executions, [event.id]: { status: "completed" as const, result: event.result } },
          running: context.running - 1,
        })),
        emit(({ event }) => ({ type: "told" as const, id: event.id, result: event.result })),
      ],
    },
  },
  states: {
    open: {
      always: { guard: ({ context }) => context.queue.length > 0 && context.running < maxConcurrent, actions: "admit" },
      on: { pause: "paused" },
    },
    paused: { on: { resume: "open" } },
  },
});

export const naiveXState: Contender = {
  name: "naive XState",
  open: () => {
    const supervisor = createActor(supervisorMachine).start();
    const waiting = new Map<string, (result: number) => void>();
    let started = 0;
    supervisor.on("told", ({ id, result }) => {
      waiting.get(id)?.(result);
      waiting.delete(id);
    });
    return {
      run: (count) =>
        awaitAll(
          count,
          (input) =>
            new Promise((resolve) => {
              const id = `execution-${started++}`;
              waiting.set(id, resolve);
              supervisor.send({ type: "start", id, input });
            }),
        ),
      pause: () => supervisor.send({ type: "pause" }),
      resume: () => supervisor.send({ type: "resume" }),
      close: async () => {
        supervisor.stop();
      },
    };
  },
};
