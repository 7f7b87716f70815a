import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteStore } from "../../../src/adapters/sqlite/index.ts";
import type { ApprovalRequest } from "../../../src/index.ts";
import { createAutonomousOrchestrator, createDurableCoordinator, type RunRequest, verdict } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";
import { type CrashPoint, createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const hour = 3_600_000;
/** For days to pass in few steps. */
const unhurried = { pollMs: 600_000, leaseMs: 1_800_000 };
const task = { id: "task", prompt: "ship it" };

interface Script {
  readonly asked?: ApprovalRequest[];
  readonly executed?: string[];
  readonly responseTimeoutMs?: number;
  readonly budget?: { maxWallMs?: number; maxTokens?: number };
  readonly autoApproveOnTimeout?: boolean;
  readonly points?: readonly ("beforeTaskStart" | "beforeCheckpointRestore")[];
}

/** Asks before it begins, by a note. */
function approving({ asked = [], executed = [], responseTimeoutMs = 72 * hour, budget, autoApproveOnTimeout = false, points }: Script) {
  return createAutonomousOrchestrator({
    executor: async ({ prompt }: RunRequest) => {
      executed.push(prompt);
      return { success: true, output: "done" };
    },
    humanInTheLoop: { notify: async (request) => void asked.push(request), responseTimeoutMs },
    ...(budget !== undefined && { budget }),
    settings: {
      orchestration: {
        humanInTheLoop: { enabled: true, requiredApprovalPoints: [...(points ?? (["beforeTaskStart"] as const))], autoApproveOnTimeout },
      },
    },
  });
}

const approved = ({ requestId }: ApprovalRequest) => ({ type: "human.answered", requestId, decision: "approved" });

describe("a run that waits for a human", () => {
  it("is parked: no worker holds it, and the answer wakes it in another one, which does not ask again", async () => {
    const asked: ApprovalRequest[] = [];
    const executed: string[] = [];
    const first = world.process({ ...unhurried, orchestrator: approving({ asked }) });
    const id = await first.start(task);
    await world.clock.advance(100);
    expect(asked).toHaveLength(1);
    expect(await first.getStatus(id)).toMatchObject({ state: "running.waiting", progress: { state: "askingHuman" } });
    expect(first.stats.getSnapshot().context).toMatchObject({ running: 0, slotsTaken: 0 });
    expect(await world.store().counts({ name: "test" })).toMatchObject({ parked: 1 });
    await first.close();
    const client = world.process({ ...unhurried, orchestrator: approving({}), role: "client" });
    const second = world.process({ ...unhurried, orchestrator: approving({ asked, executed }), role: "worker" });
    await world.clock.advance(48 * hour);
    expect(await client.send(id, approved(asked[0] as ApprovalRequest))).toEqual({ accepted: true });
    await world.clock.advance(1_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0 });
    expect(asked).toHaveLength(1);
    expect(executed).toEqual(["ship it"]);
  });

  it("wakes when the time for the answer is over, counted from the question, and parks again after what is no answer", async () => {
    const asked: ApprovalRequest[] = [];
    const first = world.process({ ...unhurried, orchestrator: approving({ asked }) });
    const id = await first.start(task);
    await world.clock.advance(100);
    await first.close();
    await world.clock.advance(71 * hour);
    const second = world.process({ orchestrator: approving({ asked }), pollMs: 60_000 });
    await second.send(id, approved({ requestId: "another" } as ApprovalRequest));
    await world.clock.advance(hour - 60_000);
    expect(await second.getStatus(id)).toMatchObject({ state: "running.waiting" });
    expect(await world.store().counts({ name: "test" })).toMatchObject({ parked: 1 });
    await world.clock.advance(121_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "cancelled" });
    expect(asked).toHaveLength(1);
  });

  it("uses up its time while it is parked as it does in memory", async () => {
    const asked: ApprovalRequest[] = [];
    const first = world.process({ ...unhurried, orchestrator: approving({ asked, budget: { maxWallMs: 10 * hour } }) });
    const id = await first.start(task);
    await world.clock.advance(5 * hour);
    await first.close();
    const second = world.process({ ...unhurried, orchestrator: approving({ asked, budget: { maxWallMs: 10 * hour } }) });
    await world.clock.advance(6 * hour);
    await second.send(id, approved(asked[0] as ApprovalRequest));
    await world.clock.advance(1_000);
    const info = await second.getStatus(id);
    expect(info?.result?.usage.wallMs).toBeGreaterThanOrEqual(11 * hour);
    expect(info?.result?.usage.wallMs).toBeLessThan(11 * hour + 5_000);
  });

  it("needs nobody's leave to go on waiting, though a restore of work does", async () => {
    const asked: ApprovalRequest[] = [];
    const points = ["beforeTaskStart", "beforeCheckpointRestore"] as const;
    const first = world.process({ orchestrator: approving({ asked, points }) });
    const id = await first.start(task);
    await world.clock.advance(100);
    await first.close();
    const second = world.process({ orchestrator: approving({ asked, points }) });
    await second.send(id, approved(asked[0] as ApprovalRequest));
    await world.clock.advance(1_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed" });
    expect(asked).toHaveLength(1);
  });

  it("is cancelled at once while it is parked", async () => {
    const both = world.process({ orchestrator: approving({}) });
    const id = await both.start(task);
    await world.clock.advance(100);
    expect(await both.cancel(id, "never mind")).toBe(true);
    expect(await both.getStatus(id)).toMatchObject({ status: "cancelled", reason: "never mind" });
  });

  it("asks under each id once, and ends, wherever its process ends", async () => {
    const points: CrashPoint[] = [];
    for (let afterCalls = 0; afterCalls < 20; afterCalls++)
      points.push({ afterCalls, at: "beforeWrite" }, { afterCalls, at: "afterWrite" });
    for (const point of points) {
      world = createWorld();
      const asked: ApprovalRequest[] = [];
      const executed: string[] = [];
      const store = world.store();
      const client = world.process({ orchestrator: approving({}), role: "client" });
      world.process({ orchestrator: approving({ asked, executed }), role: "worker", leaseMs: 3_000, store });
      const id = await client.start(task);
      store.crash = point;
      const answered = new Set<string>();
      const answer = async () => {
        for (const request of asked.filter(({ requestId }) => !answered.has(requestId))) {
          answered.add(request.requestId);
          await client.send(id, approved(request));
        }
      };
      await world.clock.advance(500);
      await answer();
      await world.clock.advance(500);
      world.process({ orchestrator: approving({ asked, executed }), role: "worker", leaseMs: 3_000 });
      await world.clock.advance(20_000);
      await answer();
      await world.clock.advance(20_000);
      expect(await client.getStatus(id), JSON.stringify(point)).toMatchObject({ status: "completed" });
      expect(new Set(asked.map(({ requestId }) => requestId)).size, JSON.stringify(point)).toBe(asked.length);
      expect(executed.length, JSON.stringify(point)).toBeGreaterThan(0);
      await world.closeAll();
    }
  });

  it("asked by a promise stays in memory: its slot is free, its lease is kept", async () => {
    let answer: (() => void) | undefined;
    const orchestrator = createAutonomousOrchestrator({
      executor: async () => ({ success: true, output: "done" }),
      humanInTheLoop: {
        requestApproval: () => new Promise((resolve) => (answer = () => resolve({ decision: "approved" }))),
        responseTimeoutMs: 72 * hour,
      },
      settings: { orchestration: { humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeTaskStart"] } } },
    });
    const both = world.process({ ...unhurried, orchestrator });
    const id = await both.start(task);
    await world.clock.advance(hour);
    const [record] = await world.store().get("test", [id]);
    expect(record).toMatchObject({ parked: false, owner: "worker-1" });
    expect(both.stats.getSnapshot().context).toMatchObject({ waiting: 1, slotsTaken: 0 });
    answer?.();
    await world.clock.advance(1_000);
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", takeovers: 0 });
  });
});

describe("a run that was paused", () => {
  it("is parked, stays paused in other processes, and goes on when told", async () => {
    const executed: string[] = [];
    const orchestrator = (seen: string[]) =>
      createAutonomousOrchestrator({
        executor: async ({ prompt }: RunRequest) => {
          seen.push(prompt);
          await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 1_000));
          return { success: true, output: "done" };
        },
        oracle: async () => verdict.continueToNextIteration("more"),
        settings: { orchestration: { maxIterations: 3, autoContinue: { enabled: true } } },
      });
    const first = world.process({ ...unhurried, orchestrator: orchestrator(executed) });
    const id = await first.start(task);
    await world.clock.advance(500);
    await first.send(id, { type: "run.pause" });
    await world.clock.advance(1_000);
    expect(await first.getStatus(id)).toMatchObject({ state: "running.waiting", progress: { state: "paused" } });
    expect(executed).toHaveLength(1);
    await first.close();
    const second = world.process({ ...unhurried, orchestrator: orchestrator(executed) });
    await world.clock.advance(hour);
    expect(executed).toHaveLength(1);
    await second.send(id, { type: "run.resume" });
    await world.clock.advance(10_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", result: { iterations: 3 } });
    expect(executed).toHaveLength(3);
  });

  it("keeps a request to pause that came before its process ended", async () => {
    const executed: string[] = [];
    const orchestrator = createAutonomousOrchestrator({
      executor: async ({ prompt }: RunRequest) => {
        executed.push(prompt);
        await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 2_000));
        return { success: true, output: "done" };
      },
      oracle: async () => verdict.continueToNextIteration("more"),
      settings: { orchestration: { maxIterations: 3, autoContinue: { enabled: true } } },
    });
    const store = world.store();
    const first = world.process({ orchestrator, leaseMs: 3_000, store });
    const id = await first.start(task);
    await world.clock.advance(500);
    await first.send(id, { type: "run.pause" });
    await world.clock.advance(500);
    store.faults.set("*", "hangs");
    const second = world.process({ orchestrator, leaseMs: 3_000 });
    await world.clock.advance(30_000);
    expect(await second.getStatus(id)).toMatchObject({ state: "running.waiting", progress: { state: "paused", iteration: 1 } });
    store.faults.clear();
  });
});

it("in SQLite: asked, closed, opened again two days later, answered, done", async () => {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-"));
  const filename = join(folder, "runs.sqlite");
  const clock = new VirtualClock({ now: Date.now() });
  const asked: ApprovalRequest[] = [];
  const open = async () => {
    const store = createSqliteStore({ filename, clock });
    return {
      store,
      coordinator: createDurableCoordinator({ ...unhurried, name: "runs", store, clock, orchestrator: approving({ asked }) }),
    };
  };
  const parked = async (store: ReturnType<typeof createSqliteStore>) => {
    while ((await store.counts({ name: "runs" })).parked === 0) await clock.advance(10);
  };
  const one = await open();
  const id = await one.coordinator.start(task);
  await parked(one.store);
  await one.coordinator.close();
  await one.store.close();
  await clock.advance(48 * hour);
  const two = await open();
  await two.coordinator.send(id, approved(asked[0] as ApprovalRequest));
  let info = await two.coordinator.getStatus(id);
  while (info?.status === "running" || info?.status === "queued") {
    await clock.advance(100);
    info = await two.coordinator.getStatus(id);
  }
  expect(info).toMatchObject({ status: "completed", attempt: 1, result: { finalOutput: "done" } });
  expect(asked).toHaveLength(1);
  await two.coordinator.close();
  await two.store.close();
  rmSync(folder, { recursive: true });
});
