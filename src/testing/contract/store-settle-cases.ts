import assert from "node:assert/strict";
import { createSystemClock } from "../../core/system-clock.ts";
import type { StoreNotice } from "../../ports/store-message.ts";
import { ids, leaseMs, name, type StoreCases } from "./store-world.ts";

/** What comes over a socket needs real time to arrive. */
const clock = createSystemClock();
const error = '{"name":"Error","message":"no"}';

/** Settle, retry, release, cancel, checkpoint. */
export const storeSettleCases: StoreCases = {
  "a completed execution keeps its result and times, and has no holder": async ({ running, settle, read, elapse }) => {
    const lease = await running("a");
    await elapse(7);
    const report = await settle(lease);
    const record = await read("a");
    assert.deepEqual(report, { settled: true, status: "completed", at: record.completedAt, repeated: false });
    assert.deepEqual(
      [record.status, record.result, (record.completedAt as number) - (record.startedAt as number)],
      ["completed", '"done"', 7],
    );
    assert.equal(record.owner, undefined);
  },
  "a result may be absent": async ({ running, settle, read }) => {
    await settle(await running("a"), { type: "complete" });
    assert.deepEqual([(await read("a")).status, (await read("a")).result], ["completed", undefined]);
  },
  "a failed execution keeps its error, and whether it was abandoned": async ({ running, settle, read }) => {
    await settle(await running("a"), { type: "fail", error, abandoned: true });
    const record = await read("a");
    assert.deepEqual([record.status, record.error, record.abandoned], ["failed", error, true]);
  },
  "a settle repeated after a lost answer reports what the first one did, whatever it says now": async ({ running, settle, read }) => {
    const lease = await running("a");
    const first = await settle(lease);
    const before = await read("a");
    assert.deepEqual(await settle(lease, { type: "fail", error }), { ...first, repeated: true });
    assert.deepEqual(await read("a"), before);
  },
  "a retry repeated after a lost answer reports success though another worker runs it already": async ({
    running,
    settle,
    claim,
    read,
  }) => {
    const lease = await running("a");
    await settle(lease, { type: "retry", error, delayMs: 0, checkpoint: "keep" });
    await claim("w2");
    const report = await settle(lease, { type: "retry", error, delayMs: 0, checkpoint: "keep" });
    assert.deepEqual([report.settled, report.settled && report.status, report.settled && report.repeated], [true, "queued", true]);
    assert.deepEqual([(await read("a")).status, (await read("a")).owner], ["running", "w2"]);
  },
  "each settlement of a batch stands alone": async ({ store, running, settle, read }) => {
    const a = await running("a");
    const b = await running("b");
    const c = await running("c");
    await settle(b);
    const complete = { type: "complete", result: "1" } as const;
    const reports = await store.settle({
      name,
      owner: "w1",
      settlements: [
        { id: "nobody", fence: 1, outcome: complete },
        { id: "a", fence: a.fence + 1, outcome: complete },
        { id: "b", fence: b.fence, outcome: complete },
        { id: "c", fence: c.fence, outcome: { type: "fail", error } },
      ],
    });
    assert.deepEqual(
      reports.map((report) => (report.settled ? report.status : report.reason)),
      ["unknown", "superseded", "completed", "failed"],
    );
    assert.deepEqual([(await read("a")).status, (await read("b")).result], ["running", '"done"']);
  },
  "a settle after the lease ran out is refused, so that the work is done once more instead of twice at once": async ({
    running,
    settle,
    elapse,
    read,
  }) => {
    const lease = await running("a");
    await elapse(leaseMs);
    assert.deepEqual(await settle(lease), { settled: false, reason: "expired" });
    assert.equal((await read("a")).status, "running");
  },
  "a final status never changes": async ({ running, settle, cancel, read, store, elapse }) => {
    const lease = await running("a");
    await settle(lease);
    const before = await read("a");
    assert.deepEqual(await cancel("a"), { accepted: false, reason: "final" });
    await elapse(leaseMs * 2);
    await store.sweep({ name });
    assert.deepEqual(await read("a"), before);
  },
  "a retry waits for its delay, keeps the error, and is a new attempt behind its equals": async ({
    running,
    start,
    settle,
    claim,
    read,
    elapse,
  }) => {
    const lease = await running("a");
    await start("b");
    await settle(lease, { type: "retry", error, delayMs: 100, checkpoint: "keep" });
    assert.deepEqual([(await read("a")).status, (await read("a")).error, (await read("a")).attempt], ["queued", error, 1]);
    await elapse(100);
    const claimed = await claim("w1");
    assert.deepEqual(
      claimed.map(({ id, attempt, takeovers }) => [id, attempt, takeovers]),
      [
        ["b", 1, 0],
        ["a", 2, 0],
      ],
    );
  },
  "a retry keeps or drops the checkpoint as told": async ({ store, running, settle, claim }) => {
    for (const keep of ["keep", "drop"] as const) {
      const lease = await running(keep);
      await store.checkpoint({
        name,
        owner: "w1",
        entries: [{ id: keep, fence: lease.fence, checkpoint: { revision: 1, body: "1", consumedSignal: 0 } }],
      });
      await settle(lease, { type: "retry", error, delayMs: 0, checkpoint: keep });
    }
    const claimed = await claim("w1");
    assert.deepEqual(
      claimed.map(({ checkpoint }) => checkpoint),
      [{ revision: 1, body: "1" }, undefined],
    );
  },
  "released work is claimable at once, in its old place, as the same attempt with a higher fence": async ({
    running,
    start,
    settle,
    claim,
    read,
  }) => {
    const lease = await running("a");
    await start("b");
    const startedAt = (await read("a")).startedAt;
    assert.equal((await settle(lease, { type: "release" })).settled, true);
    assert.equal((await read("a")).status, "queued");
    const [again] = await claim("w2", 1);
    assert.deepEqual([again?.id, again?.attempt, again?.takeovers, again?.fence, again?.startedAt], ["a", 1, 0, 2, startedAt]);
  },
  "released work can be put back for a while": async ({ running, settle, claim, elapse }) => {
    await settle(await running("a"), { type: "release", delayMs: 50 });
    assert.deepEqual(await claim("w1"), []);
    await elapse(50);
    assert.deepEqual(ids(await claim("w1")), ["a"]);
  },
  "a cancel of queued work is its end at once, and it never runs": async ({ start, cancel, claim, read }) => {
    await start("a");
    assert.deepEqual(await cancel("a", "c", 'why "\0" not'), { accepted: true, status: "cancelled" });
    const record = await read("a");
    assert.deepEqual([record.status, record.reason, typeof record.completedAt], ["cancelled", 'why "\0" not', "number"]);
    assert.deepEqual(await claim("w1"), []);
  },
  "a cancel repeated with its token reports what the first one did; another one finds it final": async ({ start, cancel }) => {
    await start("a");
    await cancel("a", "mine");
    assert.deepEqual(await cancel("a", "mine"), { accepted: true, status: "cancelled" });
    assert.deepEqual(await cancel("a", "other"), { accepted: false, reason: "final" });
    assert.deepEqual(await cancel("nobody"), { accepted: false, reason: "unknown" });
  },
  "a cancel of what is held reports the same when it is repeated after the end, a second one too": async ({ running, settle, cancel }) => {
    const lease = await running("a");
    for (const token of ["first", "second", "first"]) assert.deepEqual(await cancel("a", token), { accepted: true, status: "running" });
    await settle(lease);
    for (const token of ["first", "second"]) assert.deepEqual(await cancel("a", token), { accepted: true, status: "running" });
    for (const token of ["third", "firs", "irst"]) assert.deepEqual(await cancel("a", token), { accepted: false, reason: "final" });
  },
  "a stored cancel wins over a result": async ({ running, settle, cancel, read }) => {
    const lease = await running("a");
    assert.deepEqual(await cancel("a", "c", "enough"), { accepted: true, status: "running" });
    const report = await settle(lease);
    const record = await read("a");
    assert.equal(report.settled && report.status, "cancelled");
    assert.deepEqual([record.status, record.result, record.reason], ["cancelled", undefined, "enough"]);
  },
  "a stored cancel wins over a failure, a retry and a release": async ({ running, settle, cancel, read }) => {
    for (const outcome of [
      { type: "fail", error },
      { type: "retry", error, delayMs: 0, checkpoint: "keep" },
      { type: "release" },
    ] as const) {
      const lease = await running(outcome.type);
      await cancel(outcome.type);
      await settle(lease, outcome);
      assert.equal((await read(outcome.type)).status, "cancelled");
    }
  },
  "a stored cancel wins over a takeover": async ({ store, running, cancel, elapse, read }) => {
    await running("a");
    await cancel("a");
    await elapse(leaseMs);
    assert.deepEqual((await store.sweep({ name })).cancelled, ["a"]);
    assert.equal((await read("a")).status, "cancelled");
  },
  "a worker can end its execution as cancelled": async ({ running, settle, read }) => {
    await settle(await running("a"), { type: "cancel", reason: "grace period", abandoned: true });
    const record = await read("a");
    assert.deepEqual([record.status, record.reason, record.abandoned], ["cancelled", "grace period", true]);
  },
  "a checkpoint is there for the next worker, with progress": async ({ store, running, claim, elapse }) => {
    const { id, fence } = await running("a");
    const checkpoint = { revision: 1, body: '{"step":2}', consumedSignal: 0, machineVersion: "3" };
    assert.deepEqual(await store.checkpoint({ name, owner: "w1", entries: [{ id, fence, checkpoint, progress: "2" }] }), [
      { saved: true, stale: false, cancelRequested: false, lastSignal: 0 },
    ]);
    await elapse(leaseMs);
    await store.sweep({ name });
    const [next] = await claim("w2");
    assert.deepEqual([next?.checkpoint, next?.progress, next?.machineVersion], [{ revision: 1, body: '{"step":2}' }, "2", "3"]);
  },
  "only who runs its version claims an execution once a checkpoint has one": async ({ store, running, settle, claim }) => {
    const lease = await running("a");
    await store.checkpoint({
      name,
      owner: "w1",
      entries: [{ id: "a", fence: lease.fence, checkpoint: { revision: 1, body: "1", consumedSignal: 0, machineVersion: "2" } }],
    });
    await settle(lease, { type: "release" });
    assert.deepEqual(await claim("w1", 9, { versions: ["1"] }), []);
    assert.deepEqual(ids(await claim("w1", 9, { versions: ["1", "2"] })), ["a"]);
  },
  "a late copy of an older checkpoint changes nothing": async ({ store, running, read }) => {
    const { id, fence } = await running("a");
    const save = async (revision: number) =>
      (
        await store.checkpoint({
          name,
          owner: "w1",
          entries: [{ id, fence, progress: `${revision}`, checkpoint: { revision, body: `${revision}`, consumedSignal: 0 } }],
        })
      )[0];
    await save(1);
    await save(2);
    const late = await save(1);
    assert.equal(late?.saved && late.stale, true);
    assert.deepEqual([(await read("a")).checkpoint?.revision, (await read("a")).progress], [2, "2"]);
  },
  "a save tells its holder of cancels and signals": async ({ store, running, cancel, signal }) => {
    const { id, fence } = await running("a");
    await signal("a", "s");
    await cancel("a");
    const [report] = await store.checkpoint({ name, owner: "w1", entries: [{ id, fence, progress: "1" }] });
    assert.deepEqual(report, { saved: true, stale: false, cancelRequested: true, lastSignal: 1 });
  },
  "watchers of another store hear of work, cancels, signals and ends, or that they should look": async ({
    store,
    second,
    start,
    claim,
    settle,
    cancel,
    signal,
    elapse,
  }) => {
    const heard: StoreNotice[] = [];
    const other = await second();
    const watch = await other.watch({ name, work: true, control: true }, (notice) => heard.push(notice));
    await watch.follow(["a"]);
    const hears = async (type: StoreNotice["type"]) => {
      for (let patience = 0; patience < 400; patience++) {
        if (heard.some((notice) => notice.type === type || notice.type === "missed")) return;
        await elapse(50);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 5));
      }
      assert.fail(`nothing heard of ${type}`);
    };
    await start("a");
    await hears("claimable");
    const [lease] = await claim("w1", 1, { leaseMs: 10_000_000 });
    heard.length = 0;
    await signal("a", "s");
    await hears("signalled");
    heard.length = 0;
    await cancel("a");
    await hears("cancelRequested");
    heard.length = 0;
    await settle(lease as never);
    await hears("final");
    await watch.close();
    assert.equal(store.capabilities.notices, other.capabilities.notices);
  },
  "a closed store refuses calls, and closing again is the same": async ({ second }) => {
    const other = await second();
    await other.close();
    await other.close();
    await assert.rejects(other.counts({ name }));
  },
};
