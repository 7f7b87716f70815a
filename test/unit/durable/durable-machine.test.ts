import { afterEach, beforeEach, expect, test } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const day = 86_400_000;

/** An approval that is asked for, waited for and acted on. */
const approval = setup({
  types: {
    input: {} as { what: string },
    context: {} as { what: string; by?: string; since?: Date; trouble?: Error; notes: number },
    events: {} as { type: "approved"; by: string } | { type: "note" },
    output: {} as string,
  },
  actors: { act: fromPromise<string, string>(async ({ input }) => input) },
}).createMachine({
  id: "approval",
  context: ({ input }) => ({ what: input.what, since: new Date(5), trouble: new RangeError("none"), notes: 0 }),
  initial: "waiting",
  states: {
    waiting: {
      tags: "waiting",
      after: { [3 * day]: "expired" },
      on: {
        approved: { target: "acting", actions: assign({ by: ({ event }) => event.by }) },
        note: { actions: assign({ notes: ({ context }) => context.notes + 1 }) },
      },
    },
    acting: {
      invoke: {
        src: "act",
        input: ({ context }) => {
          const { by, since, trouble, notes } = context;
          return `${by} ${since?.getTime()} ${trouble instanceof Error && trouble.message} ${notes}`;
        },
        onDone: { target: "done", actions: assign({ by: ({ event }) => event.output }) },
      },
    },
    expired: { type: "final" },
    done: { type: "final" },
  },
  output: ({ context, self }) => `${String((self.getSnapshot() as { value?: unknown }).value)} ${context.by ?? ""}`,
});

test("with `ifAccepted`, a signal is refused only where it is known that its machine would drop it", async () => {
  const worker = world.process({ orchestrator: approval });
  const client = world.process({ orchestrator: approval, role: "client" });
  const other = world.process({ orchestrator: async () => "", role: "client" });
  const ifAccepted = { ifAccepted: true };
  const wrong = { type: "approve" };
  const refused = { accepted: false, reason: "notAccepted", accepts: ["approved", "note"] };
  const id = await client.start({ what: "ship" });
  expect(await client.send("nobody", wrong, ifAccepted)).toMatchObject({ reason: "unknown" });
  await world.clock.advance(10);
  // Parked: any process knows that has the machine.
  expect(await client.send(id, wrong, ifAccepted)).toEqual(refused);
  expect(await worker.send(id, wrong, ifAccepted)).toEqual(refused);
  expect(await other.send(id, wrong, ifAccepted)).toEqual({ accepted: true });
  // That one is on its way, so nobody knows what comes after it.
  expect(await client.send(id, wrong, ifAccepted)).toEqual({ accepted: true });
  await world.clock.advance(2_000);
  expect(await client.send(id, { type: "note" }, ifAccepted)).toEqual({ accepted: true });
  await world.clock.advance(2_000);
  expect(await client.send(id, wrong)).toEqual({ accepted: true });
  await world.clock.advance(2_000);
  const queued = await client.start({ what: "wait" }, { delayMs: day });
  expect(await client.send(queued, wrong, ifAccepted)).toEqual({ accepted: true });
  expect(await client.send(id, { type: "approved", by: "Ada" }, ifAccepted)).toEqual({ accepted: true });
  await world.clock.advance(2_000);
  expect(await client.send(id, wrong, ifAccepted)).toMatchObject({ reason: "final" });
  await expect(client.send(id, wrong, { ifAccepted: 1 } as never)).rejects.toThrow("ifAccepted");
});

test("a machine that waits is parked: no worker holds it, and a signal wakes it in another process", async () => {
  const first = world.process({ orchestrator: approval });
  const id = await first.start({ what: "ship" });
  await world.clock.advance(10);
  expect(await first.getStatus(id)).toMatchObject({ status: "running", state: "running.waiting", progress: "waiting" });
  expect(first.stats.getSnapshot().context).toMatchObject({ running: 0, slotsTaken: 0 });
  await first.close();
  const client = world.process({ orchestrator: approval, role: "client" });
  const second = world.process({ orchestrator: approval, role: "worker" });
  const result = client.waitFor(id);
  await client.send(id, { type: "note" });
  await client.send(id, { type: "approved", by: "Ada" });
  await world.clock.advance(2_000);
  expect(await result).toContain("Ada 5 none 1");
  expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0 });
});

test("a parked machine wakes by its timer, at the instant it was due, in a process that began later", async () => {
  const first = world.process({ orchestrator: approval });
  const id = await first.start({ what: "ship" });
  await world.clock.advance(10);
  await first.close();
  await world.clock.advance(2 * day);
  const second = world.process({ orchestrator: approval, pollMs: 60_000 });
  const result = second.waitFor(id);
  await world.clock.advance(day - 100);
  expect(await second.getStatus(id)).toMatchObject({ state: "running.waiting" });
  await world.clock.advance(200);
  expect(await result).toBeDefined();
  expect(await second.getStatus(id)).toMatchObject({ status: "completed" });
});

test("cancel ends a parked machine at once", async () => {
  const both = world.process({ orchestrator: approval });
  const id = await both.start({ what: "ship" });
  await world.clock.advance(10);
  expect(await both.cancel(id, "no")).toBe(true);
  expect(await both.getStatus(id)).toMatchObject({ status: "cancelled", reason: "no" });
});

const step = (name: string, target: string) => ({
  invoke: { src: "step" as const, input: name, onDone: { target, actions: "keep" as const } },
});
const steps = setup({
  types: { context: {} as { done: string[] }, output: {} as string[] },
  actors: {
    step: fromPromise<string, string>(async ({ input }) => {
      log.push(input);
      await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 1_000));
      return input;
    }),
  },
  actions: { keep: assign({ done: ({ context, event }) => [...context.done, (event as unknown as { output: string }).output] }) },
}).createMachine({
  id: "steps",
  context: { done: [] },
  initial: "one",
  states: {
    one: step("one", "two"),
    two: step("two", "three"),
    three: step("three", "four"),
    four: step("four", "end"),
    end: { type: "final" },
  },
  output: ({ context }) => context.done,
});
let log: string[] = [];

test("a machine goes on at the step it was in when its worker died, and finished steps are not run again", async () => {
  log = [];
  const store = world.store();
  const client = world.process({ orchestrator: steps, role: "client" });
  world.process({ orchestrator: steps, role: "worker", leaseMs: 3_000, store });
  const id = await client.start(undefined);
  const result = client.waitFor(id);
  await world.clock.advance(2_500);
  store.faults.set("*", "hangs");
  world.process({ orchestrator: steps, role: "worker", leaseMs: 3_000 });
  await world.clock.advance(20_000);
  expect(await result).toEqual(["one", "two", "three", "four"]);
  expect(log.filter((name) => name === "one" || name === "two")).toEqual(["one", "two"]);
  expect(await client.getStatus(id)).toMatchObject({ attempt: 2, takeovers: 1 });
  store.faults.clear();
});

test("a worker of another version leaves a saved machine alone; one that can migrate goes on", async () => {
  const first = world.process({ orchestrator: approval, machineVersion: "1" });
  const id = await first.start({ what: "ship" });
  await world.clock.advance(10);
  await first.close();
  const other = world.process({ orchestrator: approval, machineVersion: "2" });
  await other.send(id, { type: "approved", by: "Ada" });
  await world.clock.advance(2_000);
  expect(await other.getStatus(id)).toMatchObject({ status: "running" });
  const migrating = world.process({
    orchestrator: approval,
    machineVersion: "2",
    restore: { migrate: (checkpoint) => ({ ...checkpoint, version: "2" }) },
  });
  await world.clock.advance(2_000);
  expect(await migrating.getStatus(id)).toMatchObject({ status: "completed" });
});

test("asked to give it back, a machine yields when no invoke is at work", async () => {
  const idle = setup({ types: { events: {} as { type: "go" } } }).createMachine({
    id: "idle",
    initial: "idle",
    states: { idle: { on: { go: "end" } }, end: { type: "final" } },
  });
  const first = world.process({ orchestrator: idle });
  const id = await first.start(undefined);
  await world.clock.advance(10);
  const closed = first.close();
  await world.clock.advance(10);
  expect(await closed).toMatchObject({ released: 1 });
  const second = world.process({ orchestrator: idle });
  await second.send(id, { type: "go" });
  await world.clock.advance(10);
  expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 1 });
});

test("a machine that waits with work in flight keeps its lease, and gives up its place in its group until it goes on", async () => {
  const slow = setup({
    types: { events: {} as { type: "go" } },
    actors: { watch: fromPromise(() => new Promise(() => {})) },
  }).createMachine({
    id: "slow",
    initial: "waiting",
    states: {
      waiting: { tags: "waiting", invoke: { src: "watch" }, on: { go: "working" } },
      working: { after: { 1000: "end" } },
      end: { type: "final" },
    },
  });
  const both = world.process({ orchestrator: slow, maxConcurrentPerGroup: 1 });
  const first = await both.start(undefined, { group: "tenant" });
  const second = await both.start(undefined, { group: "tenant" });
  await world.clock.advance(1_000);
  expect(await both.getStatus(first)).toMatchObject({ state: "running.waiting" });
  expect(await both.getStatus(second)).toMatchObject({ state: "running.waiting" });
  await both.send(first, { type: "go" });
  await both.send(second, { type: "go" });
  await world.clock.advance(100);
  const states = [await both.getStatus(first), await both.getStatus(second)].map((info) => info?.state);
  expect(states.sort()).toEqual(["running.waiting", "running.working"]);
  await world.clock.advance(5_000);
  expect(await both.counts()).toMatchObject({ completed: 2 });
});

test("with invokes: fail, what was at work when its process ended is told as failed, and not begun again", async () => {
  let begun = 0;
  const charging = setup({
    actors: {
      charge: fromPromise(() => {
        begun += 1;
        return new Promise(() => {});
      }),
    },
  }).createMachine({
    id: "charging",
    initial: "charging",
    states: {
      charging: { invoke: { id: "charge", src: "charge", onDone: "charged", onError: "unclear" } },
      charged: { type: "final" },
      unclear: { type: "final" },
    },
    output: ({ event }) => String((event as { error?: unknown }).error),
  });
  const options = { orchestrator: charging, leaseMs: 3_000, restore: { invokes: "fail" } } as const;
  const store = world.store();
  const first = world.process({ ...options, store });
  const id = await first.start(undefined);
  await world.clock.advance(100);
  store.faults.set("*", "hangs");
  const second = world.process(options);
  await world.clock.advance(10_000);
  expect(await second.getStatus(id)).toMatchObject({ status: "completed", progress: "charging" });
  expect(begun).toBe(1);
  store.faults.clear();
});
