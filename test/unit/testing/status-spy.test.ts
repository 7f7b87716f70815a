import { expect, it } from "vitest";
import type { ExecutionInfo, ExecutionStatus } from "../../../src/model/execution.ts";
import type { ExecutionEvent, ExecutionEventType } from "../../../src/model/execution-event.ts";
import { spyOnStatus } from "../../../src/testing/status-spy.ts";

/** A coordinator as far as the spy knows one: `tell` changes a record, then tells the event, as a coordinator does. */
function createSourceDouble() {
  const records = new Map<string, ExecutionInfo>();
  const listeners = new Set<(event: ExecutionEvent) => void>();
  const tell = (type: ExecutionEventType, executionId: string) => {
    for (const listener of listeners) listener({ type, executionId } as ExecutionEvent);
  };
  const become = (type: ExecutionEventType, id: string, status: ExecutionStatus, more: Partial<ExecutionInfo> = {}) => {
    const state = status === "queued" ? "queued.ready" : status === "running" ? "running.working" : status;
    const zeroes = { attempt: 1, maxAttempts: 1, takeovers: 0, priority: 0, tags: [], queuedAt: 0, durationMs: 0 };
    records.set(id, { id, status, state, ...zeroes, ...more });
    tell(type, id);
  };
  return {
    listeners,
    getStatus: (id: string) => records.get(id),
    on: (_type: "*", listener: (event: ExecutionEvent) => void) => {
      listeners.add(listener);
      return { unsubscribe: () => void listeners.delete(listener) };
    },
    queued: (id: string) => become("execution.queued", id, "queued"),
    started: (id: string, attempt = 1) => become("execution.started", id, "running", { attempt }),
    progressed: (id: string) => tell("execution.progressed", id),
    retrying: (id: string) => become("execution.retrying", id, "queued"),
    completed: (id: string) => become("execution.completed", id, "completed", { result: 42 }),
    failed: (id: string) => become("execution.failed", id, "failed", { error: { name: "Error", message: "no luck" } }),
    removed: (id: string) => {
      records.delete(id);
      tell("execution.removed", id);
    },
  };
}

it("waits until the status is reached and gives the record as it was then", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  const running = spy.waitForStatus("a", "running");
  const completed = spy.waitForStatus("a", "completed");
  source.queued("a");
  source.queued("b");
  source.started("a");
  source.progressed("a");
  source.completed("a");
  await expect(running).resolves.toMatchObject({ id: "a", status: "running" });
  await expect(completed).resolves.toMatchObject({ id: "a", status: "completed", result: 42 });
});

it("a status that has passed already is found, the last time it was had", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  source.queued("a");
  source.started("a", 1);
  source.retrying("a");
  source.started("a", 2);
  source.completed("a");
  await expect(spy.waitForStatus("a", "running")).resolves.toMatchObject({ status: "running", attempt: 2 });
  expect(spy.statusesOf("a")).toEqual(["queued", "running", "queued", "running", "completed"]);
});

it("what was before the spy counts by its present status", async () => {
  const source = createSourceDouble();
  source.queued("a");
  source.started("a");
  const spy = spyOnStatus(source);
  await expect(spy.waitForStatus("a", "running")).resolves.toMatchObject({ status: "running" });
  expect(spy.statusesOf("a")).toEqual(["running"]);
  expect(spy.statusesOf("unknown")).toEqual([]);
});

it("rejects when the execution ends without the status, and tells what it was and why", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  const completed = spy.waitForStatus("a", "completed");
  source.queued("a");
  source.started("a");
  source.failed("a");
  await expect(completed).rejects.toMatchObject({
    message: 'execution "a" ended without being completed; it was queued, running, failed',
    cause: { message: "no luck" },
  });
  await expect(spy.waitForStatus("a", "cancelled")).rejects.toThrow("ended without being cancelled");
  await expect(spy.waitForStatus("a", "failed")).resolves.toMatchObject({ status: "failed" });
});

it("keeps what it saw when the record is removed", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  source.queued("a");
  source.started("a");
  source.completed("a");
  source.removed("a");
  expect(spy.statusesOf("a")).toEqual(["queued", "running", "completed"]);
  await expect(spy.waitForStatus("a", "completed")).resolves.toMatchObject({ result: 42 });
});

it("an id that is given again begins anew", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  source.queued("a");
  source.started("a");
  source.failed("a");
  source.removed("a");
  source.queued("a");
  expect(spy.statusesOf("a")).toEqual(["queued"]);
  const completed = spy.waitForStatus("a", "completed");
  source.started("a");
  source.completed("a");
  await expect(completed).resolves.toMatchObject({ status: "completed" });
});

it("disposing of it stops listening and rejects what still waits", async () => {
  const source = createSourceDouble();
  const spy = spyOnStatus(source);
  source.queued("a");
  const running = spy.waitForStatus("a", "running");
  spy.dispose();
  expect(source.listeners.size).toBe(0);
  await expect(running).rejects.toThrow('the spy was disposed of before execution "a" was running');
});
