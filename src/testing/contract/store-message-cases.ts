import assert from "node:assert/strict";
import { ids, leaseMs, name, newExecution, type StoreCases } from "./store-world.ts";

const checkpoint = (revision: number, consumedSignal = 0) => ({ revision, body: `{"revision":${revision}}`, consumedSignal });

/** Signals, parking, events. */
export const storeMessageCases: StoreCases = {
  "signals are numbered from 1 and read in order": async ({ store, running }) => {
    await running("a");
    const reports = await store.appendSignals({ name, signals: ["x", "y", "z"].map((token) => ({ id: "a", token, body: `"${token}"` })) });
    assert.deepEqual(
      reports.map((report) => report.accepted && report.sequence),
      [1, 2, 3],
    );
    const signals = await store.readSignals({ name, id: "a" });
    assert.deepEqual(
      signals.map(({ sequence, body }) => [sequence, body]),
      [
        [1, '"x"'],
        [2, '"y"'],
        [3, '"z"'],
      ],
    );
    assert.deepEqual(
      (await store.readSignals({ name, id: "a", afterSequence: 1, limit: 1 })).map(({ sequence }) => sequence),
      [2],
    );
  },
  "signals sent at once through two stores get different numbers": async ({ store, second, running }) => {
    await running("a");
    const other = await second();
    const sent = Array.from({ length: 20 }, (_, index) =>
      (index % 2 ? store : other).appendSignals({ name, signals: [{ id: "a", token: `t${index}`, body: `${index}` }] }),
    );
    const numbers = (await Promise.all(sent)).map(([report]) => (report?.accepted ? report.sequence : 0));
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    assert.equal((await store.readSignals({ name, id: "a" })).length, 20);
  },
  "a signal repeated with its token is one signal": async ({ store, running, signal }) => {
    await running("a");
    await signal("a", "s");
    assert.deepEqual(await signal("a", "s"), { accepted: true, sequence: 1, repeated: true });
    assert.equal((await store.readSignals({ name, id: "a" })).length, 1);
  },
  "a signal that a checkpoint consumed is not read again, nor stored again by its repetition": async ({ store, running, signal }) => {
    const { id, fence } = await running("a");
    await signal("a", "s1");
    await signal("a", "s2");
    await store.checkpoint({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1, 1) }] });
    assert.deepEqual(
      (await store.readSignals({ name, id: "a" })).map(({ sequence }) => sequence),
      [2],
    );
    assert.deepEqual(await signal("a", "s1"), { accepted: true, sequence: 1, repeated: true });
    assert.deepEqual(
      (await store.readSignals({ name, id: "a" })).map(({ sequence }) => sequence),
      [2],
    );
  },
  "unread signals survive a takeover": async ({ store, running, signal, claim, elapse }) => {
    await running("a");
    await signal("a", "s");
    await elapse(leaseMs);
    await store.sweep({ name });
    const [next] = await claim("w2");
    assert.deepEqual([next?.lastSignal, next?.consumedSignal], [1, 0]);
    assert.equal((await store.readSignals({ name, id: "a" })).length, 1);
  },
  "nobody gets a signal who is final or unknown": async ({ running, settle, signal }) => {
    await settle(await running("a"));
    assert.deepEqual(await signal("a", "s"), { accepted: false, reason: "final" });
    assert.deepEqual(await signal("nobody", "s"), { accepted: false, reason: "unknown" });
  },
  "a parked execution is running without a holder, and not claimable": async ({ store, running, claim, read, elapse }) => {
    const { id, fence } = await running("a");
    assert.deepEqual(await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1), progress: '"waiting"' }] }), [
      { parked: true, repeated: false },
    ]);
    const record = await read("a");
    assert.deepEqual([record.status, record.parked, record.owner, record.progress], ["running", true, undefined, '"waiting"']);
    assert.deepEqual(record.checkpoint, { revision: 1, body: '{"revision":1}' });
    await elapse(leaseMs * 2);
    assert.deepEqual((await store.sweep({ name })).takenOver, []);
    assert.deepEqual(await claim("w1"), []);
    assert.equal((await store.counts({ name })).parked, 1);
  },
  "parking is refused while a signal is unread, and nothing is written": async ({ store, running, signal, read }) => {
    const { id, fence } = await running("a");
    await signal("a", "s");
    assert.deepEqual(await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1) }] }), [
      { parked: false, reason: "unreadSignal" },
    ]);
    assert.deepEqual([(await read("a")).checkpoint, (await read("a")).owner], [undefined, "w1"]);
    assert.deepEqual(await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1, 1) }] }), [
      { parked: true, repeated: false },
    ]);
  },
  "parking is refused while a cancel is stored": async ({ store, running, cancel }) => {
    const { id, fence } = await running("a");
    await cancel("a");
    assert.deepEqual(await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1) }] }), [
      { parked: false, reason: "cancelRequested" },
    ]);
  },
  "parking repeated after a lost answer reports success": async ({ store, running, signal, claim }) => {
    const { id, fence } = await running("a");
    const entries = [{ id, fence, checkpoint: checkpoint(1) }];
    await store.park({ name, owner: "w1", entries });
    assert.deepEqual(await store.park({ name, owner: "w1", entries }), [{ parked: true, repeated: true }]);
    await signal("a", "s");
    await claim("w2");
    assert.deepEqual(await store.park({ name, owner: "w1", entries }), [{ parked: true, repeated: true }]);
  },
  "a signal wakes a parked execution in any worker, ahead of queued work, as the same attempt": async ({
    store,
    running,
    start,
    signal,
    claim,
  }) => {
    const { id, fence } = await running("a");
    await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1) }] });
    await start("urgent", { priority: 100 });
    await signal("a", "s");
    const [first] = await claim("w2", 1);
    assert.deepEqual([first?.id, first?.attempt, first?.fence, first?.lastSignal, first?.checkpoint?.revision], ["a", 1, 2, 1, 1]);
  },
  "a parked execution wakes at its next timer": async ({ store, running, claim, elapse }) => {
    const { id, fence } = await running("a");
    await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1), wakeInMs: 1_000 }] });
    await elapse(999);
    assert.deepEqual(await claim("w1"), []);
    await elapse(1);
    assert.equal((await store.sweep({ name })).due, 1);
    assert.deepEqual(ids(await claim("w2")), ["a"]);
  },
  "a cancel ends a parked execution at once": async ({ store, running, cancel, read }) => {
    const { id, fence } = await running("a");
    await store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1) }] });
    assert.deepEqual(await cancel("a"), { accepted: true, status: "cancelled" });
    assert.equal((await read("a")).status, "cancelled");
  },
  "a parked execution holds no place in its group": async ({ store, start, claim }) => {
    if (!store.capabilities.groupLimits) return;
    for (const id of ["g1", "g2"]) await start(id, { group: "g" });
    const [first] = await claim("w1", 5, { groupLimit: 1 });
    await store.park({ name, owner: "w1", entries: [{ id: "g1", fence: first?.fence as number, checkpoint: checkpoint(1) }] });
    assert.deepEqual(ids(await claim("w1", 5, { groupLimit: 1 })), ["g2"]);
  },
  "a signal and a park at once: it ends awake or refused, never parked with an unread signal": async ({
    store,
    second,
    running,
    claim,
  }) => {
    const other = await second();
    for (let round = 0; round < 20; round++) {
      const id = `e${round}`;
      const { fence } = await running(id);
      const [[parked]] = await Promise.all([
        store.park({ name, owner: "w1", entries: [{ id, fence, checkpoint: checkpoint(1) }] }),
        other.appendSignals({ name, signals: [{ id, token: "s", body: "1" }] }),
      ]);
      assert.deepEqual(ids(await claim("w2", 1)), parked?.parked ? [id] : []);
    }
  },
  "events are numbered from 1 without gaps and read in order": async ({ store, running }) => {
    const { id, fence } = await running("a");
    const append = (from: number, count: number) =>
      store.appendEvents({
        name,
        owner: "w1",
        maxEvents: 100,
        entries: [{ id, fence, events: Array.from({ length: count }, (_, index) => ({ ordinal: from + index, body: `${from + index}` })) }],
      });
    assert.deepEqual(await append(10, 2), [{ appended: true, lastSequence: 2 }]);
    assert.deepEqual(await append(12, 1), [{ appended: true, lastSequence: 3 }]);
    assert.deepEqual(
      (await store.readEvents({ name, id })).map(({ sequence, body }) => [sequence, body]),
      [
        [1, "10"],
        [2, "11"],
        [3, "12"],
      ],
    );
    assert.deepEqual(
      (await store.readEvents({ name, id, afterSequence: 1, limit: 1 })).map(({ sequence }) => sequence),
      [2],
    );
  },
  "events repeated after a lost answer are not doubled": async ({ store, running }) => {
    const { id, fence } = await running("a");
    const request = {
      name,
      owner: "w1",
      maxEvents: 100,
      entries: [
        {
          id,
          fence,
          events: [
            { ordinal: 1, body: "1" },
            { ordinal: 2, body: "2" },
          ],
        },
      ],
    };
    await store.appendEvents(request);
    assert.deepEqual(await store.appendEvents(request), [{ appended: true, lastSequence: 2 }]);
    assert.equal((await store.readEvents({ name, id })).length, 2);
  },
  "an execution keeps its last events, and their numbers show what was dropped": async ({ store, running }) => {
    const { id, fence } = await running("a");
    for (let ordinal = 1; ordinal <= 6; ordinal++)
      await store.appendEvents({ name, owner: "w1", maxEvents: 4, entries: [{ id, fence, events: [{ ordinal, body: `${ordinal}` }] }] });
    assert.deepEqual(
      (await store.readEvents({ name, id })).map(({ sequence }) => sequence),
      [3, 4, 5, 6],
    );
  },
  "events can be written before the first claim and after the end": async ({ store, start, claim, settle }) => {
    await start("a");
    await store.appendEvents({ name, maxEvents: 9, entries: [{ id: "a", fence: 0, events: [{ ordinal: 1, body: '"queued"' }] }] });
    const [lease] = await claim("w1");
    await settle(lease as never);
    const [report] = await store.appendEvents({
      name,
      owner: "w1",
      maxEvents: 9,
      entries: [{ id: "a", fence: 1, events: [{ ordinal: 1, body: '"completed"' }] }],
    });
    assert.deepEqual(report, { appended: true, lastSequence: 2 });
  },
  "every execution of a thousand in one batch gets its own report": async ({ store, claim }) => {
    await store.insert({ name, executions: Array.from({ length: 1_000 }, (_, index) => newExecution(`e${index}`)) });
    const leases = await claim("w1", 1_000);
    assert.equal(leases.length, 1_000);
    const settlements = leases.map(({ id, fence }, index) => ({
      id,
      fence: index % 10 === 0 ? fence + 1 : fence,
      outcome: { type: "complete", result: `${index}` } as const,
    }));
    const reports = await store.settle({ name, owner: "w1", settlements });
    assert.deepEqual(
      reports.map(({ settled }) => settled),
      settlements.map((_, index) => index % 10 !== 0),
    );
    assert.equal((await store.counts({ name })).completed, 900);
  },
};
