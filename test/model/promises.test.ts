import fc from "fast-check";
import { test } from "vitest";
import { createCoordinator } from "../../src/index.ts";
import { fleetCommands, fleetSettings } from "./fleet-command.ts";
import { checkPromises } from "./fleet-run.ts";

test("under any interleaving of commands limits hold, turns are kept, nothing is lost, and list, counts, stats and events agree", async () => {
  await fc.assert(
    fc.asyncProperty(fleetSettings, fleetCommands, (setting, commands) => checkPromises(createCoordinator, setting, commands)),
    { numRuns: 1_000, interruptAfterTimeLimit: 15_000 },
  );
});
