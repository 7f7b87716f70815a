import assert from "node:assert/strict";
import { ids, leaseMs, name, newExecution, type StoreCases } from "./store-world.ts";

/** Claim, order, limits, renew, sweep. */
export const storeClaimCases: StoreCases = {
  "a claim makes it running, with owner, lease, fence 1 and attempt 1": async ({ start, claim, read }) => {
    await start("a");
    const [claimed] = await claim("w1");
    const record = await read("a");
    assert.deepEqual([record.status, record.owner, record.fence, record.attempt], ["running", "w1", 1, 1]);
    assert.equal(record.leaseExpiresAt, (record.startedAt as number) + leaseMs);
    assert.deepEqual(claimed, record);
  },
  "what is claimed is not claimed again": async ({ start, claim }) => {
    await start("a");
    assert.equal((await claim("w1")).length, 1);
    assert.deepEqual(await claim("w2"), []);
  },
  "simultaneous claims of two stores never give the same execution twice and leave none": async ({ store, second, claim }) => {
    await store.insert({ name, executions: Array.from({ length: 200 }, (_, index) => newExecution(`e${index}`)) });
    const other = await second();
    const taken: string[] = [];
    for (let round = 0; taken.length < 200 && round < 30; round++) {
      const claimed = await Promise.all(
        Array.from({ length: 8 }, (_, index) => claim(`w${index}`, 7, {}, index % 2 === 0 ? store : other)),
      );
      taken.push(...ids(claimed.flat()));
    }
    assert.equal(taken.length, 200);
    assert.equal(new Set(taken).size, 200);
  },
  "a claim repeated with its claim id gets what it got, and nothing new": async ({ start, claim }) => {
    for (const id of ["a", "b", "c"]) await start(id);
    const first = await claim("w1", 2, { claimId: "same" });
    const again = await claim("w1", 2, { claimId: "same" });
    assert.deepEqual(ids(again), ids(first));
    assert.deepEqual(
      again.map(({ fence }) => fence),
      [1, 1],
    );
  },
  "a repeated claim does not get what was settled since": async ({ start, claim, settle }) => {
    for (const id of ["a", "b"]) await start(id);
    const [first] = await claim("w1", 2, { claimId: "same" });
    await settle(first as never);
    assert.deepEqual(ids(await claim("w1", 2, { claimId: "same" })), ["b"]);
  },
  "higher priorities come first, equals in the order of start": async ({ start, claim }) => {
    await start("low", { priority: -1 });
    await start("first");
    await start("second");
    await start("high", { priority: 5 });
    assert.deepEqual(ids([...(await claim("w1", 1)), ...(await claim("w1", 1)), ...(await claim("w1", 2))]), [
      "high",
      "first",
      "second",
      "low",
    ]);
  },
  "among equals the groups take turns": async ({ store, start, claim }) => {
    if (store.capabilities.roundRobin === "none") return;
    for (const id of ["a1", "a2", "a3", "b1", "b2", "c1"]) await start(id, { group: id[0] as string });
    const order: string[] = [];
    for (let count = 0; count < 6; count++) order.push(...ids(await claim("w1", 1)));
    assert.deepEqual(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
  },
  "one claim shares its places among the groups, and gives what is left to who has more": async ({ store, start, claim }) => {
    if (store.capabilities.roundRobin === "none") return;
    for (const id of ["a1", "a2", "a3", "a4", "b1", "c1"]) await start(id, { group: id[0] as string });
    assert.deepEqual(ids(await claim("w1", 5)).sort(), ["a1", "a2", "a3", "b1", "c1"]);
  },
  "a group's limit holds across two stores, and a freed place is used": async ({ store, second, start, claim, settle }) => {
    if (!store.capabilities.groupLimits) return;
    const other = await second();
    for (let index = 0; index < 6; index++) await start(`g${index}`, { group: "g" });
    await start("free");
    const claimed = (await Promise.all([claim("w1", 5, { groupLimit: 2 }), claim("w2", 5, { groupLimit: 2 }, other)])).flat();
    assert.equal(claimed.filter(({ group }) => group === "g").length, 2);
    assert.equal(claimed.length, 3);
    await settle(claimed.find(({ group }) => group === "g") as never);
    assert.equal((await claim("w1", 5, { groupLimit: 2 }, other)).length, 1);
  },
  "a group's limit may differ by group and does not hold others back": async ({ store, start, claim }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["a1", "a2", "b1", "b2", "b3"]) await start(id, { group: id[0] as string });
    const claimed = await claim("w1", 10, { groupLimit: (group) => (group === "a" ? 1 : 2) });
    assert.deepEqual(ids(claimed).sort(), ["a1", "b1", "b2"]);
  },
  "a lost lease frees its place in the group": async ({ store, start, claim, elapse }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["g1", "g2"]) await start(id, { group: "g" });
    assert.deepEqual(ids(await claim("w1", 5, { groupLimit: 1 })), ["g1"]);
    await elapse(leaseMs + 1);
    await store.sweep({ name });
    assert.deepEqual(ids(await claim("w2", 5, { groupLimit: 1 })), ["g1"]);
  },
  "a place in a group can be given up while waiting, and taken again only when there is room or by force": async ({
    store,
    start,
    claim,
  }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["g1", "g2"]) await start(id, { group: "g" });
    const [first] = await claim("w1", 5, { groupLimit: 1 });
    const change = async (change: "yield" | "take" | "force") =>
      (await store.changeSlots({ name, owner: "w1", groupLimit: 1, entries: [{ id: "g1", fence: first?.fence as number, change }] }))[0];
    assert.deepEqual(await change("yield"), { changed: true });
    assert.deepEqual(ids(await claim("w1", 5, { groupLimit: 1 })), ["g2"]);
    assert.deepEqual(await change("take"), { changed: false, reason: "limited" });
    assert.deepEqual(await change("force"), { changed: true });
  },
  "a change of a slot that comes after a later one of the same lease does nothing": async ({ store, start, claim, read }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["g1", "g2"]) await start(id, { group: "g" });
    const change = async (id: string, fence: number, change: "yield" | "take", order: number) =>
      (await store.changeSlots({ name, owner: "w1", groupLimit: 1, entries: [{ id, fence, change, order }] }))[0];
    const [first] = await claim("w1", 5, { groupLimit: 1 });
    const fence = first?.fence as number;
    assert.deepEqual(await change("g1", fence, "yield", 1), { changed: true });
    assert.deepEqual(await change("g1", fence, "yield", 1), { changed: true });
    assert.deepEqual(await change("g1", fence, "take", 2), { changed: true });
    assert.deepEqual(await change("g1", fence, "yield", 1), { changed: true });
    assert.deepEqual(ids(await claim("w1", 5, { groupLimit: 1 })), []);
    assert.deepEqual(await change("g1", fence, "yield", 3), { changed: true });
    assert.deepEqual(await change("g1", fence, "take", 2), { changed: true });
    assert.deepEqual(ids(await claim("w1", 5, { groupLimit: 1 })), ["g2"]);
    await store.settle({ name, owner: "w1", settlements: [{ id: "g1", fence, outcome: { type: "release" } }] });
    const second = await read("g2");
    assert.deepEqual(await change("g2", second.fence, "yield", 1), { changed: true });
    const [again] = await claim("w1", 5, { groupLimit: 1 });
    assert.deepEqual(await change("g1", again?.fence as number, "yield", 1), { changed: true });
  },
  "a rate limit holds across claims, and the claim says when to come again": async ({ store, start, claim, elapse }) => {
    if (!store.capabilities.rateLimits) return;
    for (let index = 0; index < 5; index++) await start(`e${index}`);
    const rateLimit = { limit: 3, intervalMs: 1_000 };
    assert.equal((await claim("w1", 2, { rateLimit })).length, 2);
    await elapse(400);
    assert.equal((await claim("w1", 2, { rateLimit })).length, 1);
    const report = await store.claim({
      name,
      owner: "w1",
      claimId: "rate",
      limit: 2,
      leaseMs,
      machineId: "machine",
      versions: "any",
      rateLimit,
    });
    assert.deepEqual([report.executions.length, report.nextDueInMs], [0, 600]);
    await elapse(600);
    assert.equal((await claim("w1", 5, { rateLimit })).length, 2);
  },
  "a delayed start is claimable when it is due, not before, and the claim says when": async ({ store, start, claim, elapse }) => {
    await start("a", { delayMs: 1_000 });
    const report = await store.claim({ name, owner: "w1", claimId: "early", limit: 2, leaseMs, machineId: "machine", versions: "any" });
    assert.deepEqual([report.executions.length, report.nextDueInMs], [0, 1_000]);
    await elapse(999);
    assert.deepEqual(await claim("w1"), []);
    await elapse(1);
    assert.deepEqual(ids(await claim("w1")), ["a"]);
  },
  "where time alone brings nothing, neither a claim nor a sweep says when to come again": async ({ store, start, claim }) => {
    const ask = (claimId: string) => store.claim({ name, owner: "w1", claimId, limit: 2, leaseMs, machineId: "machine", versions: "any" });
    assert.equal((await ask("before")).nextDueInMs, undefined);
    assert.equal((await store.sweep({ name })).nextExpiryInMs, undefined);
    await start("a");
    assert.equal((await claim("w1", 1)).length, 1);
    assert.equal((await ask("after")).nextDueInMs, undefined);
    assert.equal((await store.sweep({ name })).nextExpiryInMs, leaseMs);
  },
  "a claim does not say when, where nothing becomes claimable by time alone": async ({ store, start }) => {
    const request = { name, owner: "w1", limit: 2, leaseMs, machineId: "machine", versions: "any" } as const;
    assert.deepEqual(await store.claim({ ...request, claimId: "none" }), { executions: [], refused: [] });
    await start("a");
    assert.equal((await store.claim({ ...request, claimId: "one" })).nextDueInMs, undefined);
    const byId = await store.claim({ ...request, claimId: "ids", ids: ["nobody"] });
    assert.deepEqual(byId, { executions: [], refused: [{ id: "nobody", reason: "unknown" }] });
  },
  "a claim of another name gets nothing": async ({ start, claim }) => {
    await start("a");
    assert.deepEqual(await claim("w1", 5, { name: "elsewhere" }), []);
  },
  "a worker claims only its machine, and of versions what it runs": async ({ start, claim }) => {
    await start("other", { machineId: "other" });
    await start("v1", { machineVersion: "1" });
    await start("v2", { machineVersion: "2" });
    await start("none");
    assert.deepEqual(ids(await claim("w1", 9, { versions: ["2"] })).sort(), ["none", "v2"]);
    assert.deepEqual(ids(await claim("w1", 9, { versions: "any" })), ["v1"]);
    assert.deepEqual(ids(await claim("w1", 9, { machineId: "other", versions: [] })), ["other"]);
  },
  "a claim by ids says why it did not get the others": async ({ store, start, running, settle }) => {
    await settle(await running("done"));
    await running("held");
    await start("later", { delayMs: 10 });
    await start("other", { machineId: "other" });
    await start("a");
    const claimIds = ["done", "held", "later", "other", "a", "nobody"];
    const report = await store.claim({
      name,
      owner: "w1",
      claimId: "ids",
      limit: 9,
      leaseMs,
      machineId: "machine",
      versions: "any",
      ids: claimIds,
    });
    assert.deepEqual(ids(report.executions), ["a"]);
    assert.deepEqual(Object.fromEntries(report.refused.map(({ id, reason }) => [id, reason])), {
      done: "final",
      held: "leased",
      later: "notDue",
      other: "machine",
      nobody: "unknown",
    });
  },
  "a claim by ids respects a group's limit": async ({ store, start }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["g1", "g2"]) await start(id, { group: "g" });
    const report = await store.claim({
      name,
      owner: "w1",
      claimId: "ids",
      limit: 9,
      leaseMs,
      machineId: "machine",
      versions: "any",
      ids: ["g1", "g2"],
      groupLimit: 1,
    });
    assert.equal(report.executions.length, 1);
    assert.equal(report.refused[0]?.reason, "limited");
  },
  "a renewed lease lasts from now, and its holder hears of cancels and signals": async ({
    store,
    running,
    cancel,
    signal,
    elapse,
    read,
  }) => {
    const { id, fence } = await running("a");
    await signal("a", "s");
    await cancel("a", "c", "because");
    await elapse(20_000);
    const [report] = await store.renew({ name, owner: "w1", leaseMs, leases: [{ id, fence }] });
    const expiresAt = (await read("a")).leaseExpiresAt as number;
    assert.deepEqual(report, { held: true, expiresAt, cancelRequested: true, reason: "because", lastSignal: 1 });
    await elapse(20_000);
    assert.deepEqual((await store.sweep({ name })).cancelled, []);
  },
  "a lease that has expired cannot be renewed, though nobody took over": async ({ store, running, elapse }) => {
    const { id, fence } = await running("a");
    await elapse(leaseMs);
    assert.deepEqual(await store.renew({ name, owner: "w1", leaseMs, leases: [{ id, fence }] }), [{ held: false, reason: "expired" }]);
  },
  "an expired lease makes the execution claimable again, as another attempt with a higher fence": async ({
    store,
    running,
    claim,
    elapse,
  }) => {
    await running("a");
    await elapse(leaseMs - 1);
    assert.deepEqual((await store.sweep({ name })).takenOver, []);
    await elapse(1);
    assert.deepEqual((await store.sweep({ name })).takenOver, ["a"]);
    const [again] = await claim("w2");
    assert.deepEqual([again?.fence, again?.attempt, again?.takeovers, again?.owner], [2, 2, 1, "w2"]);
  },
  "a lost lease comes back in its old place": async ({ store, running, start, claim, elapse }) => {
    await running("a");
    await start("b");
    await elapse(leaseMs);
    await store.sweep({ name });
    assert.deepEqual(ids(await claim("w2", 1)), ["a"]);
  },
  "leases lost more often than maxTakeovers end it as failed": async ({ store, start, claim, elapse, read }) => {
    await start("a", { maxTakeovers: 1 });
    for (let round = 0; round < 2; round++) {
      assert.equal((await claim("w1")).length, 1);
      await elapse(leaseMs);
      await store.sweep({ name });
    }
    const record = await read("a");
    assert.equal(record.status, "failed");
    assert.equal(JSON.parse(record.error as string).code, "EXECUTION_LOST");
    assert.ok(record.completedAt);
  },
  "two sweeps at once take a lost lease back once": async ({ store, second, running, elapse, read }) => {
    await running("a");
    await elapse(leaseMs);
    const other = await second();
    const reports = await Promise.all([store.sweep({ name }), other.sweep({ name }), store.sweep({ name })]);
    assert.deepEqual(
      reports.flatMap(({ takenOver }) => takenOver),
      ["a"],
    );
    assert.equal((await read("a")).takeovers, 1);
  },
  "a stale holder changes nothing by any write": async ({ store, running, claim, settle, elapse, read }) => {
    const old = await running("a");
    await elapse(leaseMs);
    await store.sweep({ name });
    await claim("w2");
    const lease = { id: "a", fence: old.fence };
    const checkpoint = { revision: 9, body: "9", consumedSignal: 0 };
    const before = await read("a");
    assert.deepEqual(await settle(old), { settled: false, reason: "superseded" });
    assert.deepEqual(await store.renew({ name, owner: "w1", leaseMs, leases: [lease] }), [{ held: false, reason: "superseded" }]);
    assert.deepEqual(await store.checkpoint({ name, owner: "w1", entries: [{ ...lease, checkpoint, progress: "1" }] }), [
      { saved: false, reason: "superseded" },
    ]);
    assert.deepEqual(await store.park({ name, owner: "w1", entries: [{ ...lease, checkpoint }] }), [
      { parked: false, reason: "superseded" },
    ]);
    const events = [{ ordinal: 1, body: "1" }];
    assert.deepEqual(await store.appendEvents({ name, owner: "w1", maxEvents: 9, entries: [{ ...lease, events }] }), [
      { appended: false, reason: "superseded" },
    ]);
    assert.deepEqual(await read("a"), before);
  },
  "another worker's name does not pass with the right fence": async ({ running, settle, read }) => {
    const lease = await running("a");
    assert.deepEqual(await settle({ ...lease, owner: "w2" }), { settled: false, reason: "superseded" });
    assert.equal((await read("a")).status, "running");
  },
  "what is claimable for too long is found, oldest first": async ({ store, start, running, elapse }) => {
    await start("a");
    await running("b");
    await elapse(500);
    await start("c");
    await elapse(500);
    assert.deepEqual(await store.findOverdue({ name, waitingMs: 1_000, limit: 9 }), ["a"]);
    assert.deepEqual(await store.findOverdue({ name, waitingMs: 500, limit: 9 }), ["a", "c"]);
    assert.deepEqual(await store.findOverdue({ name, waitingMs: 0, limit: 1 }), ["a"]);
  },
};
