import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCoordinator } from "../../../src/index.ts";
import type { CoordinatorMaker } from "../coordinator-maker.ts";
import { fleetCommands, fleetSettings } from "../fleet-command.ts";
import { checkPromises } from "../fleet-run.ts";
import { checkPaths } from "../model-driver.ts";
import { type ModelPath, simplePaths, transitionWalks } from "../model-paths.ts";
import { basicSetup, pauseSetup, retentionSetup, stoppingSetup, waitingSetup } from "../model-setups.ts";
import { type Fault, faults } from "./fault.ts";
import { makeFaultyCopy } from "./faulty-copy.ts";

/** What finds most in the shortest time comes first. */
const suites: readonly ((maker: CoordinatorMaker) => Promise<void>)[] = [
  (maker) =>
    fc.assert(
      fc.asyncProperty(fleetSettings, fleetCommands, (setting, commands) => checkPromises(maker, setting, commands)),
      // Always the same runs: a fault that chance alone would find makes a test that fails by chance.
      { numRuns: 400, seed: 1, endOnFailure: true },
    ),
  (maker) => checkPaths(maker, pauseSetup, sampleOf(pausePaths)),
  (maker) => checkPaths(maker, retentionSetup, sampleOf(retentionPaths)),
  (maker) => checkPaths(maker, basicSetup, sampleOf(basicPaths)),
  (maker) => checkPaths(maker, stoppingSetup, stoppingPaths),
  (maker) => checkPaths(maker, waitingSetup, sampleOf(waitingPaths)),
];

const basicPaths = simplePaths(basicSetup);
const pausePaths = simplePaths(pauseSetup);
const retentionPaths = transitionWalks(retentionSetup);
const stoppingPaths = transitionWalks(stoppingSetup);
const waitingPaths = transitionWalks(waitingSetup);

describe("a fault in the coordinator is caught:", () => {
  test.each(faults)("$name", async (fault) => {
    expect(await firstComplaint(fault)).toBeDefined();
  });

  test("none is found where there is none", async () => {
    expect(await complaintAbout(createCoordinator)).toBeUndefined();
  });
});

async function firstComplaint(fault: Fault): Promise<string | undefined> {
  const { url, remove } = await makeFaultyCopy(fault, "src/core/coordinator.ts");
  try {
    const { createCoordinator: makeFaulty } = (await import(url)) as { createCoordinator: CoordinatorMaker };
    return await complaintAbout(makeFaulty);
  } finally {
    await remove();
  }
}

async function complaintAbout(maker: CoordinatorMaker): Promise<string | undefined> {
  for (const check of suites) {
    try {
      await check(maker);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}

/** Every tenth: enough to bite, and quick. */
function sampleOf(paths: readonly ModelPath[]): ModelPath[] {
  return paths.filter((_, index) => index % 10 === 0);
}
