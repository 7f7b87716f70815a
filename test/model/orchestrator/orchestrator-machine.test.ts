import { beforeAll, describe, expect, it } from "vitest";
import type { AutonomousRun } from "../../../src/core/autonomous-run.ts";
import type { RunCheckpoint } from "../../../src/model/run-checkpoint.ts";
import type { RunOutcome } from "../../../src/model/run-outcome.ts";
import { drive, PathDecider, RepeatingDecider, type Scenario, type Showing } from "./choice-world.ts";
import { everythingToCover, watchCoverage } from "./coverage.ts";
import { coverageReport, type GeneratedPath, generatePaths } from "./paths.ts";
import { askingBeforeRestore, scenarios } from "./scenarios.ts";

const covered = new Set<string>();
let paths: GeneratedPath[] = [];

beforeAll(async () => {
  paths = await generatePaths(scenarios, covered);
});

/** What a run came to, without what a crash may change: time. */
function ending({ outcome, run }: Showing): unknown {
  const { usage, ...rest } = outcome;
  return { ...rest, tokens: usage.tokens, history: run.actor.getSnapshot().context.progress.history };
}

function describeMoment({ scenario, decisions }: GeneratedPath, moment: string): string {
  return `${scenario.name}: ${decisions.map(({ question, answer }) => `${question} ${answer}`).join(", ")}; at ${moment}`;
}

async function watched(scenario: Scenario, checkpoint: RunCheckpoint, decider: RepeatingDecider): Promise<Showing> {
  let seen = new Set<string>();
  const showing = await drive(
    scenario,
    decider,
    {
      beforeStart: (run) => {
        seen = watchCoverage(run);
      },
    },
    checkpoint,
  );
  for (const name of seen) covered.add(name);
  return showing;
}

describe("generated paths through the orchestrator machine", () => {
  it("each ends in a final state, with one ending event, the last", () => {
    expect(paths.length).toBeGreaterThan(30);
    for (const { showing } of paths) {
      const endings = showing.events.filter(({ type }) => ["completed", "stopped", "error", "maxIterationsReached"].includes(type));
      expect(endings).toHaveLength(1);
      expect(showing.events.at(-1)).toBe(endings[0]);
    }
  });

  it("K30: cancelled after any step of any path, the run tells one stopped and begins no further call", async () => {
    let cancels = 0;
    for (const path of paths) {
      const { scenario, numbers, showing } = path;
      for (let index = 0; index < showing.events.length + 2 * showing.calls.length * 2; index++) {
        let moments = 0;
        let run: AutonomousRun | undefined;
        let at: { what: string; calls: number; events: number } | undefined;
        const calls: string[] = [];
        const events: string[] = [];
        let seen = new Set<string>();
        const moment = (what: string): void => {
          if (moments++ !== index) return;
          const now = { what, calls: calls.length, events: events.length };
          if (run?.cancel()) at = now;
        };
        const cancelled = await drive(scenario, new PathDecider(numbers), {
          moment: (what) => {
            if (!what.includes("await")) calls.push(what);
            moment(what);
          },
          onEvent: (event) => {
            events.push(event.type);
            moment(event.type);
          },
          beforeStart: (begun) => {
            run = begun;
            seen = watchCoverage(begun);
          },
        });
        for (const name of seen) covered.add(name);
        if (at === undefined) {
          expect(cancelled.outcome.finalState).toBe(showing.outcome.finalState);
          continue;
        }
        cancels += 1;
        const where = describeMoment(path, at.what);
        expect(cancelled.outcome, where).toMatchObject({ finalState: "stoppedByUser", reason: "cancelled" });
        expect(events.slice(at.events), where).toEqual(["stopped"]);
        expect(calls.length, where).toBe(at.calls);
      }
    }
    expect(cancels).toBeGreaterThan(500);
  });

  it("restored from a checkpoint taken after any step, a run ends as without the crash", async () => {
    let restores = 0;
    for (const path of paths) {
      const { scenario, decisions, numbers, showing } = path;
      const isRepeatable = !scenario.lateTask && decisions.every(({ question, answer }) => question !== "available" || answer === "yes");
      if (!isRepeatable) continue;
      const checkpoints: { what: string; checkpoint: string }[] = [];
      let run: AutonomousRun | undefined;
      const take = (what: string): void => {
        if (run !== undefined) checkpoints.push({ what, checkpoint: JSON.stringify(run.checkpoint()) });
      };
      await drive(scenario, new PathDecider(numbers), {
        moment: take,
        onEvent: ({ type }) => take(type),
        beforeStart: (begun) => {
          run = begun;
        },
      });
      const seen = new Set<string>();
      for (const { what, checkpoint } of checkpoints.slice(0, -1)) {
        if (seen.has(checkpoint)) continue;
        seen.add(checkpoint);
        const variants = scenario.human === undefined ? [scenario] : [scenario, askingBeforeRestore(scenario)];
        for (const variant of variants) {
          const restored = await watched(variant, JSON.parse(checkpoint), new RepeatingDecider(decisions));
          restores += 1;
          expect(ending(restored), describeMoment(path, what)).toEqual(ending(showing));
          expect(restored.events[0]?.sequence).toBeGreaterThan((JSON.parse(checkpoint) as RunCheckpoint).sequence);
        }
      }
    }
    expect(restores).toBeGreaterThan(150);
  });

  it("signals before the start change nothing", async () => {
    const scenario = scenarios[0] as Scenario;
    let seen = new Set<string>();
    const showing = await drive(scenario, new PathDecider([]), {
      beforeStart: (run) => {
        seen = watchCoverage(run);
        run.actor.start();
        for (const type of ["run.pause", "run.cancel"] as const) run.actor.send({ type });
        run.actor.send({ type: "run.resume", at: 0 });
      },
    });
    for (const name of seen) covered.add(name);
    expect((showing.outcome satisfies RunOutcome).finalState).toBe("stoppedByGoalAchieved");
  });

  it("together they reach every state and take every transition", () => {
    // Always true from the first snapshot on, which no step leads to.
    covered.add("state orchestrator.idle");
    const missing = [...everythingToCover()].filter((name) => !covered.has(name));
    expect(missing, `covered by:\n${coverageReport(paths)}`).toEqual([]);
  });
});
