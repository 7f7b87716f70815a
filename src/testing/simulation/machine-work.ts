import { assign, fromPromise, setup } from "xstate";
import { InvokeInterruptedError } from "../../model/checkpoint-errors.ts";
import { failAsPlanned, pass } from "./function-work.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Stage, WorkHistory, WorkPlan, WorkSignal } from "./work-plan.ts";
import type { WorkWitness } from "./work-witness.ts";

interface WorkContext extends WorkHistory {
  readonly plan: WorkPlan;
}

interface StageInput {
  readonly executionId: string;
  readonly stage: Stage;
  readonly name: string;
}

/** A machine that does what its plan says. It waits without a slot, and has timers. */
const workMachine = setup({
  types: {
    input: {} as WorkPlan,
    context: {} as WorkContext,
    events: {} as WorkSignal,
    output: {} as WorkHistory,
  },
  actors: {
    perform: fromPromise<void, StageInput>(async () => {}),
  },
  actions: {
    keepNote: assign({ notes: ({ context, event }) => (event.type === "note" ? [...context.notes, event.n] : context.notes) }),
    finishStage: assign({ at: ({ context }) => context.at + 1 }),
    rethrow: (_, { error }: { error: unknown }) => {
      throw error;
    },
  },
  guards: {
    isOver: ({ context }) => stageOf(context) === undefined,
    isWork: ({ context }) => ["work", "fail", "save", "giveUp"].includes(stageOf(context)?.do ?? ""),
    isRest: ({ context }) => stageOf(context)?.do === "rest",
    isEndless: ({ context }) => delayOf(context) === undefined,
    wasInterrupted: (_, { error }: { error: unknown }) => error instanceof InvokeInterruptedError,
  },
  delays: {
    stageTime: ({ context }) => delayOf(context) ?? 0,
  },
}).createMachine({
  id: "work",
  context: ({ input }) => ({ plan: input, at: 0, notes: [] }),
  initial: "choosing",
  on: { note: { actions: "keepNote" } },
  states: {
    choosing: {
      always: [
        { guard: "isOver", target: "done" },
        { guard: "isWork", target: "working" },
        { guard: "isRest", target: "resting" },
        { guard: "isEndless", target: "waitingForNote" },
        { target: "waiting" },
      ],
    },
    working: {
      tags: "checkpoint",
      invoke: {
        src: "perform",
        input: ({ context, self }) => ({
          executionId: self.id,
          stage: stageOf(context) as Stage,
          name: `${context.plan.id}.${context.at}`,
        }),
        onDone: { target: "choosing", actions: "finishStage" },
        onError: [
          { guard: { type: "wasInterrupted", params: ({ event }) => event }, target: "choosing" },
          { actions: { type: "rethrow", params: ({ event }) => event } },
        ],
      },
    },
    resting: {
      after: { stageTime: { target: "choosing", actions: "finishStage" } },
    },
    waiting: {
      tags: ["waiting", "checkpoint"],
      on: { note: { target: "choosing", actions: ["keepNote", "finishStage"] } },
      after: { stageTime: { target: "choosing", actions: "finishStage" } },
    },
    waitingForNote: {
      tags: ["waiting", "checkpoint"],
      on: { note: { target: "choosing", actions: ["keepNote", "finishStage"] } },
    },
    done: { type: "final" },
  },
  output: ({ context: { at, notes } }) => ({ at, notes }),
});

/** The machine, at work in one process. */
export function machineWork(process: SimulatedProcess, witness: WorkWitness) {
  return workMachine.provide({
    actors: {
      perform: fromPromise<void, StageInput>(async ({ input: { executionId, stage, name }, signal }) => {
        const work = witness.begin(process, executionId, signal);
        try {
          if (stage.do === "fail") failAsPlanned(witness, stage, name);
          else await pass(process, "ms" in stage ? (stage.ms ?? 0) : 0, signal);
          work.effect(name);
        } finally {
          work.end();
        }
      }),
    },
  });
}

function stageOf({ plan, at }: WorkContext): Stage | undefined {
  return plan.stages[at];
}

function delayOf(context: WorkContext): number | undefined {
  const stage = stageOf(context);
  return stage !== undefined && "ms" in stage ? stage.ms : undefined;
}
