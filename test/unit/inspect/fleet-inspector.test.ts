import { createInspector } from "@statelyai/inspect";
import { afterEach, describe, expect, it } from "vitest";
import { createMachine, fromPromise, setup } from "xstate";
import { type AnyOrchestrator, type Coordinator, type CoordinatorOptions, createCoordinator } from "../../../src/index.ts";
import { createFleetInspector, type FleetInspectorOptions, type InspectionMessage } from "../../../src/inspect/index.ts";

const approval = setup({
  types: {
    input: {} as { amount: number },
    context: {} as { amount: number; apiKey: string },
    events: {} as { type: "approve"; by: string },
  },
  actors: { pay: fromPromise(async () => "paid") },
}).createMachine({
  id: "approval",
  context: ({ input }) => ({ ...input, apiKey: "sk-1234" }),
  initial: "open",
  states: {
    open: { tags: "waiting", on: { approve: "paying" } },
    paying: { invoke: { src: "pay", onDone: "done" } },
    done: { type: "final" },
  },
});

const coordinators: Coordinator<never, unknown>[] = [];

afterEach(async () => {
  for (const coordinator of coordinators.splice(0)) await coordinator.close({ mode: "cancel", deadlineMs: 0 });
});

function inspected<O extends AnyOrchestrator>(
  orchestrator: O,
  options: FleetInspectorOptions = {},
  more: Partial<CoordinatorOptions<O>> = {},
) {
  const messages: InspectionMessage[] = [];
  const inspector = createFleetInspector({ ...options, inspector: { adapter: { send: (message) => messages.push(message) } } });
  const errors: unknown[] = [];
  let count = 0;
  const coordinator = createCoordinator<O>({
    ...{ orchestrator, inspect: inspector, generateId: () => `e${++count}`, onError: (error) => errors.push(error) },
    ...more,
  });
  coordinators.push(coordinator as Coordinator<never, unknown>);
  const of = (name: string) => {
    const sessions = messages.flatMap((message) => (message.type === "@xstate.actor" && message.name === name ? message.sessionId : []));
    return messages.filter(({ sessionId }) => sessions.includes(sessionId));
  };
  return { coordinator, inspector, messages, errors, of };
}

const valuesOf = (messages: readonly InspectionMessage[]) =>
  messages.flatMap((message) => ("snapshot" in message ? [message.snapshot.value] : []));

describe("what an inspector is shown", () => {
  it("the supervisor with its modes as a statechart and its counts", () => {
    const { coordinator, of } = inspected(async () => 1);
    coordinator.pause();
    const [actor, ...snapshots] = of("supervisor");
    expect(actor).toMatchObject({ type: "@xstate.actor", parentId: undefined, snapshot: { value: "accepting", context: { running: 0 } } });
    expect(JSON.parse((actor as { definition: string }).definition).states).toHaveProperty("draining");
    expect(valuesOf(snapshots)).toEqual(["paused"]);
  });

  it("an execution under its supervisor, state by state, and nothing of the attempt that hosts its function", async () => {
    const { coordinator, of, messages } = inspected(async () => 1);
    await coordinator.waitFor(await coordinator.start(undefined));
    const [supervisor] = of("supervisor");
    const [actor, ...rest] = of("e1");
    expect(actor).toMatchObject({ name: "e1", parentId: supervisor?.sessionId, rootId: supervisor?.sessionId });
    expect(JSON.parse((actor as { definition: string }).definition).states).toHaveProperty("running");
    expect(valuesOf(rest)).toEqual([{ queued: "ready" }, { running: "working" }, "completed"]);
    expect(new Set(messages.map(({ sessionId }) => sessionId)).size).toBe(2);
  });

  it("the machine it runs, linked to it, and what that machine invokes", async () => {
    const { coordinator, of } = inspected(approval);
    const id = await coordinator.start({ amount: 5 });
    while (coordinator.getStatus(id)?.state !== "running.waiting") await new Promise(setImmediate);
    coordinator.send(id, { type: "approve", by: "Annegret-77" });
    await coordinator.waitFor(id);
    const actors = of(id).filter(({ type }) => type === "@xstate.actor");
    expect(actors).toHaveLength(2);
    expect(actors[1]).toMatchObject({ parentId: actors[0]?.sessionId, rootId: actors[0]?.rootId });
    const machine = of(id).filter(({ sessionId }) => sessionId === actors[1]?.sessionId);
    expect(valuesOf(machine)).toEqual(["open", "open", "paying", "done"]);
    expect(of("0.approval.paying").length).toBeGreaterThan(0);
  });

  it("hides inputs, contexts, events and results, unless it is told to show them, and what is named like a secret always", async () => {
    for (const payloads of [false, true]) {
      const { coordinator, messages } = inspected(approval, { payloads });
      const id = await coordinator.start({ amount: 5_417 });
      while (coordinator.getStatus(id)?.state !== "running.waiting") await new Promise(setImmediate);
      coordinator.send(id, { type: "approve", by: "Annegret-77" });
      await coordinator.waitFor(id);
      const told = JSON.stringify(messages);
      expect(told).not.toContain("sk-1234");
      for (const payload of ["5417", "Annegret-77"]) expect(told.includes(payload), payload).toBe(payloads);
    }
  });

  it("a failure by the name of its error", async () => {
    const { coordinator, of } = inspected(async () => {
      throw new RangeError("of 12 apples");
    });
    await coordinator.waitFor(await coordinator.start(undefined)).catch(() => {});
    expect(of("e1").at(-1)).toMatchObject({ snapshot: { value: "failed", context: { error: "RangeError" } } });
  });
});

describe("what it is not shown", () => {
  it("executions outside the sample; the same ids are in it again", async () => {
    const shown: string[][] = [];
    for (const _ of [1, 2]) {
      const { coordinator, messages, inspector } = inspected(async () => 1, { sample: 0.1 });
      const ids = await coordinator.startMany(Array.from({ length: 1_000 }, () => ({ input: undefined })));
      await Promise.all(ids.map((id) => coordinator.waitFor(id)));
      shown.push(messages.flatMap((message) => (message.type === "@xstate.actor" && message.parentId !== undefined ? message.name : [])));
      expect(inspector.stats.watched).toBe(0);
    }
    expect(shown[0]?.length).toBeGreaterThan(60);
    expect(shown[0]?.length).toBeLessThan(140);
    expect(shown[1]).toEqual(shown[0]);
  });

  it("executions that `only` does not want, and its errors do no harm", async () => {
    const { coordinator, of, errors } = inspected(async () => 1, {
      only: ({ group }) => {
        if (group === "bad") throw new Error("only");
        return group === "acme";
      },
    });
    for (const group of ["acme", "other", "bad"]) await coordinator.waitFor(await coordinator.start(undefined, { group }));
    expect(of("e1").length).toBeGreaterThan(0);
    expect(of("e2")).toEqual([]);
    expect(of("e3")).toEqual([]);
    expect(errors).toEqual([new Error("only")]);
  });

  it("more than maxExecutions at once", async () => {
    const { coordinator, messages, inspector } = inspected(() => new Promise(() => {}), { maxExecutions: 3 }, { cancelGraceMs: 0 });
    await coordinator.startMany(Array.from({ length: 20 }, () => ({ input: undefined })));
    expect(messages.filter(({ type }) => type === "@xstate.actor")).toHaveLength(4);
    expect(inspector.stats.watched).toBe(3);
  });
});

it("an inspector of @statelyai/inspect is told as it would be of any machine", async () => {
  const sent: { type: string; name?: string }[] = [];
  const inspector = createInspector({ send: (event) => sent.push(event) });
  const coordinator = createCoordinator({
    orchestrator: async () => 1,
    inspect: createFleetInspector({ inspector }),
    generateId: () => "e1",
  });
  coordinators.push(coordinator as Coordinator<never, unknown>);
  await coordinator.waitFor(await coordinator.start(undefined));
  expect(sent.flatMap(({ type, name }) => (type === "@xstate.actor" ? name : []))).toEqual(["supervisor", "e1"]);
});

it("bad options are refused by name", () => {
  const make = (options: object) => () => createFleetInspector(options);
  expect(make({ sample: 2 })).toThrow(/sample/);
  expect(make({ inspector: {} })).toThrow(/inspector\.adapter/);
  expect(make({ payloads: "yes" })).toThrow(/payloads/);
  expect(make({ sampel: 1 })).toThrow(/sampel/);
});

it("a machine that is no supervisor is none of its business", () => {
  const { messages, inspector } = inspected(createMachine({}));
  const before = messages.length;
  inspector.next({ type: "@xstate.actor", rootId: "x", actorRef: { id: "x", sessionId: "x" } } as never);
  expect(messages.length).toBe(before);
});
