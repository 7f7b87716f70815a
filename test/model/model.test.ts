import { expect, test } from "vitest";
import { createCoordinator } from "../../src/index.ts";
import { checkPaths } from "./model-driver.ts";
import { simplePaths, transitionWalks } from "./model-paths.ts";
import { basicSetup, fullSetup, pauseSetup, retentionSetup, stoppingSetup, waitingSetup } from "./model-setups.ts";

test("three executions at limit 2 are what the model says on every simple path of starting, ending and cancelling", async () => {
  const paths = simplePaths(basicSetup);
  expect(paths.length).toBeGreaterThan(2_000);
  await checkPaths(createCoordinator, basicSetup, paths);
});

test("two executions at limit 1 are what the model says on every simple path with pause, resume and retention by number", async () => {
  const paths = simplePaths(pauseSetup);
  expect(paths.length).toBeGreaterThan(500);
  await checkPaths(createCoordinator, pauseSetup, paths);
});

test("records are removed by number, age and cleanup exactly when the model says, in every state and transition of it", async () => {
  await checkPaths(createCoordinator, retentionSetup, transitionWalks(retentionSetup));
});

test("what times out, is cancelled, or both, keeps its slot until it settles or is abandoned, in every state and transition of the model", async () => {
  await checkPaths(createCoordinator, stoppingSetup, transitionWalks(stoppingSetup));
});

test("delays, retries, timeouts, grace, groups, priorities, pause and a changing limit meet as the model says, in every state and transition", async () => {
  await checkPaths(createCoordinator, fullSetup, transitionWalks(fullSetup));
});

test("machines give up their slots to wait and get them back as the model says, in every state and transition of it", async () => {
  await checkPaths(createCoordinator, waitingSetup, transitionWalks(waitingSetup));
});
