import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AutonomousRun } from "../../../src/core/autonomous-run.ts";
import type { RunCheckpoint } from "../../../src/model/run-checkpoint.ts";
import { drive, PathDecider, type Scenario } from "./choice-world.ts";
import { scenarios } from "./scenarios.ts";

const scenario = fc.constantFrom(...scenarios);
const numbers = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 30 });

describe("random runs", () => {
  it("cancelled at any await, a run has exactly one ending and begins no further call", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, numbers, fc.integer({ min: 0, max: 60 }), async (chosen, path, cancelAt) => {
        let run: AutonomousRun | undefined;
        let moments = 0;
        let callsAtCancel: number | undefined;
        const calls: string[] = [];
        const { outcome, events } = await drive(chosen, new PathDecider(path), {
          beforeStart: (begun) => {
            run = begun;
          },
          onEvent: () => moment(),
          moment: (what) => {
            if (!what.includes("await")) calls.push(what);
            moment();
          },
        });
        function moment(): void {
          if (moments++ !== cancelAt) return;
          const begun = calls.length;
          if (run?.cancel()) callsAtCancel = begun;
        }
        const endings = events.filter(({ type }) => ["completed", "stopped", "error", "maxIterationsReached"].includes(type));
        expect(endings).toHaveLength(1);
        if (callsAtCancel === undefined) return;
        expect(outcome).toMatchObject({ finalState: "stoppedByUser", reason: "cancelled" });
        expect(endings[0]).toMatchObject({ type: "stopped", reason: "cancelled" });
        expect(calls).toHaveLength(callsAtCancel);
      }),
      { numRuns: 2_000 },
    );
  }, 300_000);

  it("a budget is never overrun by more than the pass in hand, wherever the run crashes and is restored", async () => {
    // At most two tries of 10 tokens (or less, where one throws) and one verdict of 5.
    const mostOfAPass = 25;
    const budgeted: Scenario = {
      name: "budgeted",
      tasks: 3,
      orchestration: {
        maxIterations: 40,
        oracle: { maxIterations: 3 },
        autoContinue: { enabled: true, onIncomplete: true },
        continueOnFailure: true,
        retry: { count: 1, delayMs: 5 },
      },
    };
    const crashes = fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(numbers, fc.integer({ min: 1, max: 200 }), crashes, async (path, maxTokens, crashPoints) => {
        const limited = { ...budgeted, budget: { maxTokens } };
        // Keeps going unless told otherwise: the default of the oracle would end each task at once.
        const decider = new PathDecider(path.map((number) => (number === 0 ? 2 : number)));
        let checkpoint: RunCheckpoint | undefined;
        for (const crashAt of crashPoints) {
          let run: AutonomousRun | undefined;
          let moments = 0;
          let taken: string | undefined;
          const moment = (): void => {
            if (moments++ === crashAt) taken = JSON.stringify(run?.checkpoint());
            if (taken !== undefined) run?.actor.stop();
          };
          const showing = await drive(
            limited,
            decider,
            {
              beforeStart: (begun) => {
                run = begun;
              },
              moment: (what) => {
                if (what === "executor") {
                  const { usage, tries } = (run as AutonomousRun).actor.getSnapshot().context.progress;
                  if (tries === 1) expect(usage.tokens).toBeLessThan(maxTokens);
                }
                moment();
              },
              onEvent: moment,
            },
            checkpoint,
          );
          const { usage } = showing.run.actor.getSnapshot().context.progress;
          expect(usage.tokens).toBeLessThan(maxTokens + mostOfAPass);
          if (taken === undefined) {
            if (showing.outcome.reason === "max-tokens") expect(usage.tokens).toBeGreaterThanOrEqual(maxTokens);
            break;
          }
          const before: number = checkpoint?.progress.usage.tokens ?? 0;
          checkpoint = JSON.parse(taken) as RunCheckpoint;
          // A crash gives nothing back, and forgets the pass in hand only.
          expect(checkpoint.progress.usage.tokens).toBeGreaterThanOrEqual(before);
          expect(usage.tokens - checkpoint.progress.usage.tokens).toBeLessThanOrEqual(mostOfAPass);
        }
      }),
      { numRuns: 500 },
    );
  }, 300_000);
});
