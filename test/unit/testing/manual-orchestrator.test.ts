import { expect, it, vi } from "vitest";
import { createManualOrchestrator } from "../../../src/testing/manual-orchestrator.ts";
import { createScopeDouble } from "./execution-scope-double.ts";

it("a call stays open until the test completes it, and gives that output", async () => {
  const work = createManualOrchestrator<string, number>();
  const settled = vi.fn();
  const result = work.orchestrator("one", createScopeDouble("a").scope).finally(settled);
  await Promise.resolve();
  expect(settled).not.toHaveBeenCalled();
  expect(work.isOpen("a")).toBe(true);
  work.complete("a", 1);
  expect(work.isOpen("a")).toBe(false);
  await expect(result).resolves.toBe(1);
});

it("a call that the test fails rejects with that very error", async () => {
  const work = createManualOrchestrator();
  const error = new Error("no luck");
  const result = work.orchestrator(undefined, createScopeDouble("a").scope);
  work.fail("a", error);
  await expect(result).rejects.toBe(error);
});

it("calls and open calls are listed in the order in which they began", async () => {
  const work = createManualOrchestrator<number, string>();
  const results = [3, 1, 2].map((input) => work.orchestrator(input, createScopeDouble(`e${input}`, input).scope));
  work.complete("e1", "done");
  expect(work.calls).toEqual([
    { executionId: "e3", attempt: 3, input: 3 },
    { executionId: "e1", attempt: 1, input: 1 },
    { executionId: "e2", attempt: 2, input: 2 },
  ]);
  expect(work.open).toEqual(["e3", "e2"]);
  await expect(results[1]).resolves.toBe("done");
});

it("progress is reported through the scope of the open call", () => {
  const work = createManualOrchestrator();
  const { scope, reported } = createScopeDouble("a");
  void work.orchestrator(undefined, scope);
  work.progress("a", { percent: 40 });
  expect(reported).toEqual([{ percent: 40 }]);
});

it("an aborted call rejects with its signal's reason and is no longer open", async () => {
  const work = createManualOrchestrator();
  const { scope, abort } = createScopeDouble("a");
  const result = work.orchestrator(undefined, scope);
  const reason = new Error("cancelled");
  abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(work.open).toEqual([]);
  expect(work.signalOf("a").aborted).toBe(true);
});

it("a call whose signal was aborted before rejects at once", async () => {
  const work = createManualOrchestrator();
  const { scope, abort } = createScopeDouble("a");
  abort("too late");
  await expect(work.orchestrator(undefined, scope)).rejects.toBe("too late");
  expect(work.isOpen("a")).toBe(false);
});

it("an abort after the end changes nothing", async () => {
  const work = createManualOrchestrator<void, number>();
  const { scope, abort } = createScopeDouble("a");
  const result = work.orchestrator(undefined, scope);
  work.complete("a", 1);
  abort("too late");
  await expect(result).resolves.toBe(1);
});

it("with honoursCancel false an aborted call stays open until the test ends it", async () => {
  const work = createManualOrchestrator<void, string>({ honoursCancel: false });
  const { scope, abort } = createScopeDouble("a");
  const result = work.orchestrator(undefined, scope);
  abort(new Error("cancelled"));
  expect(work.isOpen("a")).toBe(true);
  expect(work.signalOf("a").aborted).toBe(true);
  work.complete("a", "finished all the same");
  await expect(result).resolves.toBe("finished all the same");
});

it("of two open calls of one execution the newest is ended first", async () => {
  const work = createManualOrchestrator<void, string>({ honoursCancel: false });
  const first = work.orchestrator(undefined, createScopeDouble("a", 1).scope);
  const second = work.orchestrator(undefined, createScopeDouble("a", 2).scope);
  work.complete("a", "newest");
  expect(work.isOpen("a")).toBe(true);
  work.complete("a", "abandoned");
  await expect(Promise.all([first, second])).resolves.toEqual(["abandoned", "newest"]);
});

it("whenCalled resolves as the call begins, and at once when it has begun before", async () => {
  const work = createManualOrchestrator();
  const called: string[] = [];
  const both = Promise.all([
    work.whenCalled("a").then(() => called.push("first attempt")),
    work.whenCalled("a", 2).then(() => called.push("second attempt")),
  ]);
  void work.orchestrator(undefined, createScopeDouble("b").scope);
  void work.orchestrator(undefined, createScopeDouble("a", 1).scope);
  await work.whenCalled("a");
  expect(called).toEqual(["first attempt"]);
  void work.orchestrator(undefined, createScopeDouble("a", 2).scope);
  await both;
  expect(called).toEqual(["first attempt", "second attempt"]);
  await work.whenCalled("a", 2);
});

it("a command for an execution without an open call says why there is none and which are open", () => {
  const work = createManualOrchestrator<void, number>();
  expect(() => work.complete("x", 1)).toThrow('execution "x" has no open call: it was not called; open: none');
  for (const id of ["a", "b", "c"]) void work.orchestrator(undefined, createScopeDouble(id).scope);
  work.complete("c", 1);
  expect(() => work.fail("c", new Error())).toThrow('execution "c" has no open call: its call has ended; open: "a", "b"');
  expect(() => work.progress("x", 1)).toThrow('open: "a", "b"');
  expect(() => work.signalOf("x")).toThrow('execution "x" was not called; called: "a", "b", "c"');
  for (let index = 0; index < 20; index++) void work.orchestrator(undefined, createScopeDouble(`more-${index}`).scope);
  expect(() => work.complete("x", 1)).toThrow('"more-7" and 12 more');
});
