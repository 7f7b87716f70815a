import { describe, expect, it } from "vitest";
import { createDocumentStore } from "../../src/adapters/documents/document-store.ts";
import { SchemaVersionError, StoreUnavailableError, UnsupportedOperationError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { createMemoryDocumentTable, type Interference, MemoryDocuments } from "../support/memory-document-table.ts";

const name = "n";
const machine = { machineId: "machine", versions: "any" } as const;

class World {
  readonly clock = new VirtualClock({ now: 1_700_000_000_000 });
  readonly documents = new MemoryDocuments();

  open(interfere?: Interference): ExecutionStore {
    const table = createMemoryDocumentTable(this.documents, interfere && { interfere });
    return createDocumentStore({ table, clock: this.clock, noticeDelayMs: 500, requestsAtOnce: 8, durability: "none" });
  }

  claim(store: ExecutionStore, claimId: string, limit = 10) {
    return store.claim({ name, owner: "w", claimId, limit, leaseMs: 30_000, ...machine });
  }
}

/** Does this at the request with that number, counted from 1, and lets the others pass. */
function atRequest(number: number, what: Interference): Interference & { readonly count: number } {
  let count = 0;
  const interfere: Interference = async (request, run) => {
    count += 1;
    return count === number ? what(request, run) : run();
  };
  return Object.defineProperty(interfere, "count", { get: () => count }) as Interference & { readonly count: number };
}

const lostAnswer: Interference = async (_, run) => {
  await run();
  throw new StoreUnavailableError("the answer was lost");
};

const isUnavailable = (error: unknown) => {
  if (!(error instanceof StoreUnavailableError)) throw error;
  return undefined;
};

/** A process that does this dies before, and another time after, each of its requests in turn; `after` looks at what that left. */
async function atEachRequest(
  before: (world: World) => Promise<void>,
  act: (store: ExecutionStore, world: World) => Promise<unknown>,
  after: (world: World, died: boolean) => Promise<void>,
) {
  for (const isWritten of [false, true]) {
    for (let request = 1; ; request++) {
      const world = new World();
      await before(world);
      let count = 0;
      let isDead = false;
      const mortal = world.open(async (_, run) => {
        count += 1;
        if (isDead) return new Promise(() => {});
        if (count < request) return run();
        isDead = true;
        if (isWritten) await run();
        return new Promise(() => {});
      });
      const done = await Promise.race([act(mortal, world).then(() => true), died(() => isDead)]);
      await after(world, done !== true);
      if (done === true) break;
      expect(request).toBeLessThan(200);
    }
  }
}

/** Resolves some time after a process is dead, so that whatever else it had under way is over. */
async function died(isDead: () => boolean): Promise<false> {
  for (let idle = 0; idle < 50; idle = isDead() ? idle + 1 : 0) await new Promise<void>((resolve) => setImmediate(resolve));
  return false;
}

describe("store on documents", () => {
  const contract = executionStoreContract(async () => {
    const world = new World();
    const stores = [world.open()];
    return {
      store: stores[0] as ExecutionStore,
      openSecond: async () => {
        const second = world.open();
        stores.push(second);
        return second;
      },
      elapse: (ms) => world.clock.advance(ms),
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    };
  });
  for (const { name: title, run } of contract) it(title, run);
});

describe("store on documents, under fire", () => {
  const keyed = (id: string, startToken: string) => newExecution(id, { startToken, idempotencyKey: "k", inputHash: "1" });

  it("a process that dies in the midst of a start with a key neither loses the start nor blocks the key or the id", async () => {
    await atEachRequest(
      async () => {},
      (store) => store.insert({ name, executions: [keyed("a", "t1")] }),
      async (world, hasDied) => {
        const store = world.open();
        const [other] = await store.insert({ name, executions: [keyed("b", "t2")] });
        const [again] = await store.insert({ name, executions: [keyed("a", "t1")] });
        const { items } = await store.list({ name, limit: 10 });
        expect(items).toHaveLength(1);
        const [only] = items;
        if (!hasDied) expect(only?.id).toBe("a");
        expect(other?.inserted ? other.id : other?.reason === "existing" && other.existingId).toBe(only?.id);
        expect(again?.inserted ? again.id : again?.reason === "existing" && again.existingId).toBe(only?.id);
        expect((await world.claim(store, "c")).executions.map(({ id }) => id)).toEqual([only?.id]);
      },
    );
  });

  it("a start that is repeated after its process has died is the same start", async () => {
    await atEachRequest(
      async () => {},
      (store) => store.insert({ name, executions: [keyed("a", "t1")] }),
      async (world) => {
        const store = world.open();
        const [again] = await store.insert({ name, executions: [keyed("a", "t1")] });
        expect(again).toMatchObject({ inserted: true, id: "a" });
        expect((await store.counts({ name })).total).toBe(1);
      },
    );
  });

  it("a process that dies in the midst of an atomic batch leaves all of it or none, and nothing that stands in the way", async () => {
    const batch = (token: string) => [
      newExecution("a", { startToken: `${token}a` }),
      keyed("b", `${token}b`),
      newExecution("c", { startToken: `${token}c` }),
    ];
    const outcomes = new Set<number>();
    await atEachRequest(
      async () => {},
      (store) => store.insert({ name, atomic: true, executions: batch("1") }),
      async (world) => {
        const store = world.open();
        await world.clock.advance(120_000);
        await store.sweep({ name });
        const { total } = await store.counts({ name });
        outcomes.add(total);
        expect([0, 3]).toContain(total);
        const reports = await store.insert({ name, atomic: true, executions: batch("2") });
        expect(reports.every(({ inserted }) => inserted)).toBe(total === 0);
        expect((await store.counts({ name })).total).toBe(3);
      },
    );
    expect([...outcomes].sort()).toEqual([0, 3]);
  });

  it("an atomic batch that is repeated after its process has died is written once", async () => {
    const executions = [newExecution("a"), keyed("b", "tb"), newExecution("c")];
    await atEachRequest(
      async () => {},
      (store) => store.insert({ name, atomic: true, executions }),
      async (world) => {
        const store = world.open();
        const reports = await store.insert({ name, atomic: true, executions });
        expect(reports.map((report) => report.inserted && report.id)).toEqual(["a", "b", "c"]);
        expect((await world.claim(store, "c")).executions.map(({ id }) => id)).toEqual(["a", "b", "c"]);
      },
    );
  });

  it("two batches that want the same ids at once: one is written, whole", async () => {
    for (let round = 0; round < 20; round++) {
      const world = new World();
      const random = seededRandom(round);
      const slow: Interference = async (_, run) => {
        for (let turns = random() * 6; turns > 0; turns--) await Promise.resolve();
        return run();
      };
      const ids = ["a", "b", "c", "d"];
      const batch = (token: string, order: string[]) =>
        world.open(slow).insert({ name, atomic: true, executions: order.map((id) => newExecution(id, { startToken: `${token}${id}` })) });
      const settled = await Promise.allSettled([batch("1", ids), batch("2", [...ids].reverse())]);
      const written = settled.filter((each) => each.status === "fulfilled" && each.value.every(({ inserted }) => inserted));
      const store = world.open();
      await world.clock.advance(120_000);
      await store.sweep({ name });
      expect([written.length, (await store.counts({ name })).total]).toEqual([1, 4]);
    }
  });

  it("events whose process died are appended once when they are repeated, without a gap", async () => {
    const events = (ordinals: number[]) => ({
      name,
      owner: "w",
      maxEvents: 100,
      entries: [{ id: "a", fence: 1, events: ordinals.map((ordinal) => ({ ordinal, body: `${ordinal}` })) }],
    });
    await atEachRequest(
      async (world) => {
        const store = world.open();
        await store.insert({ name, executions: [newExecution("a")] });
        await world.claim(store, "c");
        await store.appendEvents(events([1]));
      },
      (store) => store.appendEvents(events([2, 3])),
      async (world) => {
        const store = world.open();
        expect(await store.appendEvents(events([2, 3, 4]))).toEqual([{ appended: true, lastSequence: 4 }]);
        expect((await store.readEvents({ name, id: "a" })).map(({ sequence, body }) => `${sequence} ${body}`)).toEqual([
          "1 1",
          "2 2",
          "3 3",
          "4 4",
        ]);
      },
    );
  });

  it("a removal that is cut off is completed by the next one, and leaves nothing", async () => {
    const big = "x".repeat(1_000);
    await atEachRequest(
      async (world) => {
        const store = world.open();
        await store.insert({ name, executions: [newExecution("a", { idempotencyKey: "k", input: JSON.stringify(big) })] });
        await world.claim(store, "c");
        await store.appendEvents({ name, owner: "w", maxEvents: 9, entries: [{ id: "a", fence: 1, events: [{ ordinal: 1, body: "1" }] }] });
        await store.appendSignals({ name, signals: [{ id: "a", token: "s", body: JSON.stringify(big) }] });
        await store.settle({
          name,
          owner: "w",
          settlements: [{ id: "a", fence: 1, outcome: { type: "complete", result: JSON.stringify(big) } }],
        });
        await world.clock.advance(10);
      },
      (store) => store.remove({ name, olderThanMs: 0 }),
      async (world) => {
        const store = world.open();
        await store.remove({ name, olderThanMs: 0 });
        const left = [...(world.documents.spaces.get(`c.${name}`)?.values() ?? [])].filter(({ owner }) => owner !== "n");
        expect(left).toEqual([]);
      },
    );
  });

  it("texts that lie outside of the record are removed when others take their place", async () => {
    const world = new World();
    const store = world.open();
    await store.insert({ name, executions: [newExecution("a", { input: JSON.stringify("i".repeat(500)) })] });
    await world.claim(store, "c");
    for (let revision = 1; revision <= 5; revision++) {
      const body = JSON.stringify("c".repeat(300_000) + revision);
      await store.checkpoint({ name, owner: "w", entries: [{ id: "a", fence: 1, checkpoint: { revision, body, consumedSignal: 0 } }] });
      expect((await store.get(name, ["a"]))[0]?.checkpoint?.body).toBe(body);
    }
    const pieces = () =>
      [...(world.documents.spaces.get(`c.${name}`)?.values() ?? [])].filter(({ part }) => part.startsWith("piece.")).length;
    expect(pieces()).toBe(1 + 4);
    await store.settle({ name, owner: "w", settlements: [{ id: "a", fence: 1, outcome: { type: "complete" } }] });
    expect(pieces()).toBe(1);
  });

  it("old events are removed, not only hidden", async () => {
    const world = new World();
    const store = world.open();
    await store.insert({ name, executions: [newExecution("a")] });
    await world.claim(store, "c");
    for (let ordinal = 1; ordinal <= 300; ordinal++)
      await store.appendEvents({ name, owner: "w", maxEvents: 10, entries: [{ id: "a", fence: 1, events: [{ ordinal, body: "1" }] }] });
    expect((await store.readEvents({ name, id: "a" })).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 10 }, (_, index) => 291 + index),
    );
    const pages = [...(world.documents.spaces.get(`c.${name}`)?.values() ?? [])].filter(({ part }) => part.startsWith("event."));
    expect(pages.length).toBeLessThan(70);
  });

  it("whatever answer is lost, the repeated call reports what the first one did", async () => {
    for (const method of ["insert", "claim", "checkpoint", "signal", "settle", "cancel"] as const) {
      for (let request = 1; ; request++) {
        const world = new World();
        const steady = world.open();
        const big = JSON.stringify("x".repeat(500));
        const calls = {
          insert: (store: ExecutionStore) => store.insert({ name, executions: [newExecution("a", { idempotencyKey: "k", input: big })] }),
          claim: (store: ExecutionStore) => world.claim(store, "c"),
          checkpoint: (store: ExecutionStore) =>
            store.checkpoint({
              name,
              owner: "w",
              entries: [{ id: "a", fence: 1, checkpoint: { revision: 1, body: big, consumedSignal: 0 } }],
            }),
          signal: (store: ExecutionStore) => store.appendSignals({ name, signals: [{ id: "a", token: "s", body: big }] }),
          settle: (store: ExecutionStore) =>
            store.settle({ name, owner: "w", settlements: [{ id: "a", fence: 1, outcome: { type: "complete", result: big } }] }),
          cancel: (store: ExecutionStore) => store.requestCancel({ name, cancels: [{ id: "b", token: "t" }] }),
        };
        const interfere = atRequest(request, lostAnswer);
        const shaky = world.open(interfere);
        for (const [step, call] of Object.entries(calls)) {
          if (step === "cancel") await steady.insert({ name, executions: [newExecution("b")] });
          if (step !== method) await call(steady);
          else if ((await call(shaky).catch(isUnavailable)) === undefined) await call(shaky);
        }
        const [a, b] = await steady.get(name, ["a", "b"]);
        expect([a?.status, a?.fence, a?.attempt, a?.result, a?.lastSignal, b?.status]).toEqual(["completed", 1, 1, big, 1, "cancelled"]);
        if (interfere.count < request) break;
        expect(request).toBeLessThan(100);
      }
    }
  });

  it("a client that repeats a write by itself is not told that somebody else was faster", async () => {
    const world = new World();
    const store = world.open(async (request, run) => {
      const answer = await run();
      return request === "put" ? run() : answer;
    });
    const reports = await store.insert({ name, executions: [newExecution("a"), newExecution("b", { idempotencyKey: "k" })] });
    expect(reports).toMatchObject([
      { inserted: true, repeated: false },
      { inserted: true, repeated: false },
    ]);
    expect((await world.claim(store, "c")).executions).toHaveLength(2);
    const settlements = ["a", "b"].map((id) => ({ id, fence: 1, outcome: { type: "complete" } as const }));
    expect(await store.settle({ name, owner: "w", settlements })).toMatchObject([
      { settled: true, repeated: false },
      { settled: true, repeated: false },
    ]);
  });

  it("a client that repeats a write by itself takes nothing away from who has written in between", async () => {
    const world = new World();
    const other = world.open();
    let isRepeated = false;
    let puts = 0;
    const repeating = world.open(async (request, run) => {
      const answer = await run();
      if (isRepeated || request !== "put") return answer;
      puts += 1;
      isRepeated = (await world.claim(other, `c${puts}`)).executions.length > 0;
      return isRepeated ? run() : answer;
    });
    const input = `"${"x".repeat(1_000)}"`;
    const start = newExecution("a", { input });
    expect(await repeating.insert({ name, executions: [start] })).toMatchObject([{ inserted: true }]);
    expect(isRepeated).toBe(true);
    expect(await other.get(name, ["a"])).toMatchObject([{ input, status: "running" }]);
  });

  it("a batch that is not to be leaves nothing of the long texts that it had written", async () => {
    const world = new World();
    const store = world.open();
    await store.insert({ name, executions: [newExecution("taken")] });
    const before = [...world.documents.space("c.n").keys()];
    const long = newExecution("long", { input: `"${"x".repeat(1_000)}"` });
    const executions = [long, newExecution("taken", { startToken: "another" })];
    expect(await store.insert({ name, executions, atomic: true })).toMatchObject([{ reason: "atomic" }, { reason: "duplicate" }]);
    expect([...world.documents.space("c.n").keys()]).toEqual(before);
  });

  it("entries of an index that are older than their records mislead nobody", async () => {
    const world = new World();
    const stale = new Map<string, unknown>();
    const late: Interference = async (request, run) => {
      if (request !== "find") return run();
      const now = JSON.stringify(await run());
      const before = stale.get("find") ?? now;
      stale.set("find", now);
      return JSON.parse(before as string);
    };
    const store = world.open();
    const behind = world.open(late);
    await store.insert({ name, executions: ["a", "b", "c"].map((id) => newExecution(id)) });
    const taken: string[] = [];
    for (let round = 0; round < 12; round++) {
      const from = round % 2 === 0 ? behind : store;
      const { executions } = await world.claim(from, `c${round}`, 1);
      taken.push(...executions.map(({ id }) => id));
      await store.settle({
        name,
        owner: "w",
        settlements: executions.map(({ id, fence }) => ({ id, fence, outcome: { type: "complete" } })),
      });
      await behind.sweep({ name });
    }
    expect(taken.sort()).toEqual(["a", "b", "c"]);
  });

  it("a service that is away rejects calls, and is found again", async () => {
    const world = new World();
    let isAway = true;
    const store = world.open(async (_, run) => {
      if (isAway) throw new StoreUnavailableError("away");
      return run();
    });
    await expect(store.counts({ name })).rejects.toThrow(StoreUnavailableError);
    isAway = false;
    await store.counts({ name });
    isAway = true;
    // Of requests that are under way at once all may fail, and each is told of once.
    await expect(world.claim(store, "c")).rejects.toThrow(StoreUnavailableError);
    await expect(store.sweep({ name })).rejects.toThrow(StoreUnavailableError);
    isAway = false;
    expect((await store.counts({ name })).total).toBe(0);
  });

  it("one execution that many processes write at once loses nothing", async () => {
    const world = new World();
    const stores = Array.from({ length: 5 }, () => world.open());
    await stores[0]?.insert({ name, executions: [newExecution("a")] });
    const sent = stores.flatMap((store, from) =>
      Array.from({ length: 20 }, (_, index) => store.appendSignals({ name, signals: [{ id: "a", token: `${from} ${index}`, body: "1" }] })),
    );
    let isDone = false;
    const all = Promise.all(sent).finally(() => {
      isDone = true;
    });
    // Who is too late too often pauses.
    while (!isDone) await world.clock.advance(10);
    const numbers = (await all).map(([report]) => (report?.accepted ? report.sequence : 0));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });
});

describe("store on documents, on its own", () => {
  it("lists the newest first, in pages", async () => {
    const world = new World();
    const store = world.open();
    await store.insert({ name, executions: ["a", "b", "c", "d", "e"].map((id) => newExecution(id)) });
    const shown: string[][] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.list({ name, limit: 2, order: "newest", status: "queued", ...(cursor !== undefined && { cursor }) });
      shown.push(page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    expect(shown).toEqual([["e", "d"], ["c", "b"], ["a"]]);
  });

  it("refuses limits that it cannot keep, and documents of a newer version", async () => {
    const world = new World();
    const store = world.open();
    const claim = { name, owner: "w", claimId: "c", limit: 1, leaseMs: 1_000, ...machine };
    await expect(store.claim({ ...claim, groupLimit: 1 })).rejects.toThrow(UnsupportedOperationError);
    await expect(store.claim({ ...claim, rateLimit: { limit: 1, intervalMs: 1 } })).rejects.toThrow(UnsupportedOperationError);
    await expect(store.insert({ name, executions: [newExecution("a")], transaction: {} })).rejects.toThrow(UnsupportedOperationError);
    const tags = Array.from({ length: 200 }, () => "t".repeat(500));
    expect(await store.insert({ name, executions: [newExecution("a", { tags })] })).toMatchObject([{ reason: "unstorable" }]);
    await store.counts({ name });
    for (const document of world.documents.spaces.get("table")?.values() ?? []) Object.assign(document, { data: "999" });
    await expect(world.open().counts({ name })).rejects.toThrow(SchemaVersionError);
  });

  it("finished records cost a claim no requests", async () => {
    const world = new World();
    const store = world.open();
    const costOf = async (round: number) => {
      await store.insert({ name, executions: [newExecution(`e${round}`)] });
      const before = world.documents.requests;
      const { executions } = await world.claim(store, `c${round}`);
      const cost = world.documents.requests - before;
      await store.settle({
        name,
        owner: "w",
        settlements: executions.map(({ id, fence }) => ({ id, fence, outcome: { type: "complete" } })),
      });
      return cost;
    };
    const first = await costOf(0);
    for (let round = 1; round < 200; round++) await costOf(round);
    expect(await costOf(200)).toBe(first);
  });

  it("names, ids, groups and machines of any characters and 512 of them have keys that services take", async () => {
    const world = new World();
    const store = world.open();
    const odd = `/\\#?'"% é😀${"x".repeat(400)}`;
    await store.insert({
      name: odd,
      executions: [newExecution(odd, { group: odd, machineId: odd, machineVersion: odd, idempotencyKey: odd })],
    });
    const { executions } = await store.claim({
      name: odd,
      owner: odd,
      claimId: odd,
      limit: 1,
      leaseMs: 1_000,
      machineId: odd,
      versions: [odd],
    });
    expect(executions.map(({ id }) => id)).toEqual([odd]);
    for (const [space, documents] of world.documents.spaces) {
      expect(space).toMatch(/^[\w.~-]{1,110}$/);
      for (const { owner, part } of documents.values()) expect(`${owner}!${part}`).toMatch(/^[\w.!~-]{1,200}$/);
    }
  });
});
