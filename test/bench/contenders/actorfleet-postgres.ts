import { fromPromise, setup } from "xstate";
import { createPostgresStore } from "../../../src/adapters/postgres/index.ts";
import { type AnyOrchestrator, createDurableCoordinator } from "../../../src/index.ts";
import { watchPostgres } from "./server-watch.ts";
import type { Contender, StoredSetting, StoredSubject } from "./stored-contender.ts";

type Orchestrate = (begun: StoredSetting["begun"]) => AnyOrchestrator;

function actorfleetRunning(name: string, orchestrate: Orchestrate): Contender {
  return {
    name,
    startsMany: true,
    url: import.meta.url,
    // In two parts, as the indexes have them.
    watch: watchPostgres(`SELECT count(*)::integer AS unfinished FROM (
      SELECT FROM actorfleet.executions WHERE "name" = 'bench' AND "phase" <> 'leased' AND "status" IN ('queued', 'running')
      UNION ALL SELECT FROM actorfleet.executions WHERE "name" = 'bench' AND "phase" = 'leased') AS live`),
    async open({ connectionString, concurrency, begun }): Promise<StoredSubject> {
      const store = createPostgresStore({ connectionString });
      const coordinator = createDurableCoordinator({ name: "bench", store, maxConcurrent: concurrency, orchestrator: orchestrate(begun) });
      coordinator.pause();
      await coordinator.counts();
      return {
        start: (input) => coordinator.start(input),
        startMany: (inputs) => coordinator.startMany(inputs.map((input) => ({ input }))),
        work: async () => coordinator.resume(),
        async close() {
          await coordinator.close();
          await store.close();
        },
      };
    },
  };
}

export const actorfleetPostgres = actorfleetRunning("actorfleet", (begun) => async (input: number) => {
  begun(input);
  return input;
});

/** Each step is saved before the next begins. */
export const actorfleetSteps = actorfleetRunning("actorfleet, function of 5 steps", (begun) => async (input: number, { checkpoint }) => {
  begun(input);
  for (let step = 1; step <= 5; step++) await checkpoint(step);
  return input;
});

const stepping = setup({
  types: { input: {} as number, context: {} as { input: number }, output: {} as number },
  actors: { step: fromPromise(async () => {}) },
});

/** Saved after each step, as soon as the save before is done: steps that take no time share saves. */
export const actorfleetMachine = actorfleetRunning("actorfleet, machine of 5 states", (begun) =>
  stepping.createMachine({
    id: "steps",
    context: ({ input }) => {
      begun(input);
      return { input };
    },
    initial: "one",
    output: ({ context }) => context.input,
    states: {
      one: { invoke: { src: "step", onDone: "two" } },
      two: { invoke: { src: "step", onDone: "three" } },
      three: { invoke: { src: "step", onDone: "four" } },
      four: { invoke: { src: "step", onDone: "five" } },
      five: { invoke: { src: "step", onDone: "done" } },
      done: { type: "final" },
    },
  }),
);
