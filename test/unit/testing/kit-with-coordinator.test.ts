import { expect, it } from "vitest";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import {
  createManualOrchestrator,
  createScriptedOrchestrator,
  seededRandom,
  sequentialIds,
  spyOnStatus,
  VirtualClock,
} from "../../../src/testing/index.ts";

it("a manual orchestrator ends executions when the test says so, and the spy tells their statuses", async () => {
  const clock = new VirtualClock();
  const work = createManualOrchestrator<string, number>();
  const coordinator = createCoordinator({ orchestrator: work.orchestrator, maxConcurrent: 1, clock, generateId: sequentialIds() });
  const spy = spyOnStatus(coordinator);
  const first = await coordinator.start("one");
  const second = await coordinator.start("two");
  expect([first, second]).toEqual(["execution-1", "execution-2"]);
  await work.whenCalled(first);
  expect(work.open).toEqual([first]);

  work.progress(first, "half way");
  work.complete(first, 1);
  await expect(spy.waitForStatus(first, "completed")).resolves.toMatchObject({ status: "completed", result: 1, progress: "half way" });
  await work.whenCalled(second);
  await coordinator.cancel(second);
  await expect(spy.waitForStatus(second, "completed")).rejects.toThrow("ended without being completed");
  expect(work.signalOf(second).aborted).toBe(true);
  expect(spy.statusesOf(first)).toEqual(["queued", "running", "completed"]);
  expect(spy.statusesOf(second)).toEqual(["queued", "running", "cancelled"]);
  spy.dispose();
  await coordinator.close();
  expect(clock.pending).toBe(0);
});

it("an orchestrator that ignores its signal is abandoned when the virtual grace period is over", async () => {
  const clock = new VirtualClock();
  const work = createManualOrchestrator({ honoursCancel: false });
  const coordinator = createCoordinator({ orchestrator: work.orchestrator, cancelGraceMs: 30_000, clock });
  const spy = spyOnStatus(coordinator);
  const id = await coordinator.start(undefined);
  await clock.settle();
  await coordinator.cancel(id);
  await clock.advance(29_999);
  expect(coordinator.getStatus(id)?.state).toBe("running.cancelling");
  await clock.advance(1);
  await expect(spy.waitForStatus(id, "cancelled")).resolves.toMatchObject({ abandoned: true, completedAt: 30_000 });
  work.complete(id, undefined);
  spy.dispose();
  await coordinator.close();
});

it("a scripted orchestrator plays failures, and retries pass in virtual time", async () => {
  const clock = new VirtualClock();
  const { orchestrator, calls } = createScriptedOrchestrator<string, string>(
    [{ error: new Error("busy") }, { output: "done", delayMs: 500 }],
    {
      clock,
    },
  );
  const coordinator = createCoordinator({
    orchestrator,
    clock,
    random: seededRandom(1),
    retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 1_000, jitter: 0 } },
  });
  const spy = spyOnStatus(coordinator);
  const id = await coordinator.start("input");
  await clock.advance(1_500);
  await expect(coordinator.waitFor(id)).resolves.toBe("done");
  expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(spy.statusesOf(id)).toEqual(["queued", "running", "queued", "running", "completed"]);
  expect(coordinator.getStatus(id)?.completedAt).toBe(1_500);
  spy.dispose();
  await coordinator.close();
});
