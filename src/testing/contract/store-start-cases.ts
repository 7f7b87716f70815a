import assert from "node:assert/strict";
import { ids, name, newExecution, type StoreCases } from "./store-world.ts";

/** Insert, get, list, counts, remove. */
export const storeStartCases: StoreCases = {
  "a started execution can be read by another store with everything it was given": async ({ store, second }) => {
    const start = newExecution("a", {
      settings: "{}",
      priority: 2.5,
      group: "g",
      tags: ["x", "y"],
      timeoutMs: 5,
      retry: "{}",
      machineVersion: "7",
      trace: "{}",
      idempotencyKey: "k",
      inputHash: "h",
    });
    await store.insert({ name, executions: [start] });
    const [record] = await (await second()).get(name, ["a"]);
    assert.ok(record);
    const {
      id,
      input,
      settings,
      priority,
      group,
      tags,
      timeoutMs,
      retry,
      machineId,
      machineVersion,
      trace,
      idempotencyKey,
      status,
      attempt,
      fence,
    } = record;
    assert.deepEqual(
      { id, input, settings, priority, group, tags, timeoutMs, retry, machineId, machineVersion, trace, idempotencyKey },
      {
        id: "a",
        input: start.input,
        settings: "{}",
        priority: 2.5,
        group: "g",
        tags: ["x", "y"],
        timeoutMs: 5,
        retry: "{}",
        machineId: "machine",
        machineVersion: "7",
        trace: "{}",
        idempotencyKey: "k",
      },
    );
    assert.deepEqual([status, attempt, fence, record.takeovers, record.lastSignal, record.parked], ["queued", 0, 0, 0, 0, false]);
  },
  "absent fields of a record are absent, not null": async ({ start, read }) => {
    await start("a");
    const record = await read("a");
    for (const [key, value] of Object.entries(record)) assert.ok(value !== null && value !== undefined, `${key} is ${value}`);
    assert.equal("group" in record, false);
  },
  "an insert repeated with its start token reports success and writes nothing": async ({ store, start, read }) => {
    await start("a");
    const before = await read("a");
    const [report] = await store.insert({ name, executions: [newExecution("a")] });
    assert.deepEqual(report, { inserted: true, id: "a", queuedAt: before.queuedAt, repeated: true });
    assert.equal((await store.counts({ name })).total, 1);
  },
  "an id is refused while its record exists": async ({ store, start }) => {
    await start("a");
    const [report] = await store.insert({ name, executions: [newExecution("a", { startToken: "other" })] });
    assert.deepEqual(report, { inserted: false, reason: "duplicate", existingId: "a" });
  },
  "the same id under another name is another execution": async ({ store, start }) => {
    await start("a");
    const [report] = await store.insert({ name: "elsewhere", executions: [newExecution("a", { startToken: "other" })] });
    assert.equal(report?.inserted, true);
    assert.equal((await store.counts({ name })).total, 1);
  },
  "an idempotency key with the same input gives the existing execution, with another input a conflict": async ({ store, start }) => {
    await start("a", { idempotencyKey: "k", inputHash: "h" });
    const reports = await store.insert({
      name,
      executions: [newExecution("b", { idempotencyKey: "k", inputHash: "h" }), newExecution("c", { idempotencyKey: "k", inputHash: "i" })],
    });
    assert.deepEqual(reports, [
      { inserted: false, reason: "existing", existingId: "a" },
      { inserted: false, reason: "conflict", existingId: "a" },
    ]);
  },
  "a refused record fails alone": async ({ store, start }) => {
    await start("a");
    const reports = await store.insert({
      name,
      executions: [newExecution("b"), newExecution("a", { startToken: "other" }), newExecution("c")],
    });
    assert.deepEqual(
      reports.map(({ inserted }) => inserted),
      [true, false, true],
    );
    assert.equal((await store.counts({ name })).queued, 3);
  },
  "what no store can keep fails alone": async ({ store }) => {
    const reports = await store.insert({
      name,
      executions: [
        newExecution("a\0"),
        newExecution("b"),
        newExecution("c", { tags: ["\ud800"] }),
        newExecution("d", { priority: Number.NaN }),
      ],
    });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? "inserted" : report.reason)),
      ["unstorable", "inserted", "unstorable", "unstorable"],
    );
  },
  "two records of one batch with the same id: the first is written": async ({ store }) => {
    const reports = await store.insert({ name, executions: [newExecution("a"), newExecution("a", { startToken: "other" })] });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? "inserted" : report.reason)),
      ["inserted", "duplicate"],
    );
  },
  "of many at once only those are refused that are there already, repeated ones are said to be": async ({ store, start }) => {
    await start("m7");
    const many = (token: string) => Array.from({ length: 20 }, (_, index) => newExecution(`m${index}`, { startToken: `${token}${index}` }));
    const outcomes = async (token: string, atomic: boolean) => {
      const reports = await store.insert({ name, atomic, executions: many(token) });
      return reports.map((report) => (report.inserted ? (report.repeated ? "repeated" : "inserted") : report.reason));
    };
    const all = (outcome: string, seventh: string) => Array.from({ length: 20 }, (_, index) => (index === 7 ? seventh : outcome));
    assert.deepEqual(await outcomes("x", true), all("atomic", "duplicate"));
    assert.equal((await store.counts({ name })).total, 1);
    assert.deepEqual(await outcomes("x", false), all("inserted", "duplicate"));
    assert.deepEqual(await outcomes("x", false), all("repeated", "duplicate"));
    assert.deepEqual(await outcomes("y", true), all("duplicate", "duplicate"));
    assert.equal((await store.counts({ name })).total, 20);
  },
  "an atomic batch with one refusal writes none": async ({ store, start }) => {
    await start("a");
    const reports = await store.insert({
      name,
      atomic: true,
      executions: [newExecution("b"), newExecution("a", { startToken: "other" }), newExecution("c")],
    });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? "inserted" : report.reason)),
      ["atomic", "duplicate", "atomic"],
    );
    assert.equal((await store.counts({ name })).total, 1);
  },
  "an idempotency hit refuses nothing: the others of its atomic batch are written": async ({ store, start }) => {
    await start("a", { idempotencyKey: "k", inputHash: "1" });
    const again = newExecution("b", { idempotencyKey: "k", inputHash: "1", startToken: "other" });
    const reports = await store.insert({ name, atomic: true, executions: [newExecution("c"), again, newExecution("d")] });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? report.id : `${report.reason} ${"existingId" in report && report.existingId}`)),
      ["c", "existing a", "d"],
    );
    assert.equal((await store.counts({ name })).total, 3);
    // Repeated, because the answer was lost.
    const repeated = await store.insert({ name, atomic: true, executions: [newExecution("c"), again, newExecution("d")] });
    assert.deepEqual(
      repeated.map((report) => (report.inserted ? `${report.id} ${report.repeated}` : report.reason)),
      ["c true", "existing", "d true"],
    );
  },
  "an atomic batch with an idempotency hit and a refusal writes none, and says which is which": async ({ store, start }) => {
    await start("a", { idempotencyKey: "k", inputHash: "1" });
    const reports = await store.insert({
      name,
      atomic: true,
      executions: [
        newExecution("b"),
        newExecution("c", { idempotencyKey: "k", inputHash: "1" }),
        newExecution("d", { idempotencyKey: "k", inputHash: "2" }),
      ],
    });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? "inserted" : report.reason)),
      ["atomic", "existing", "conflict"],
    );
    assert.equal((await store.counts({ name })).total, 1);
  },
  "an idempotency hit takes no room of an atomic batch": async ({ store, start }) => {
    await start("a", { idempotencyKey: "k", inputHash: "1" });
    const reports = await store.insert({
      name,
      atomic: true,
      maxQueued: 2,
      executions: [newExecution("b", { idempotencyKey: "k", inputHash: "1" }), newExecution("c")],
    });
    assert.deepEqual(
      reports.map((report) => (report.inserted ? "inserted" : report.reason)),
      ["existing", "inserted"],
    );
  },
  "maxQueued refuses what would be above it and says how many wait": async ({ store }) => {
    const reports = await store.insert({ name, maxQueued: 2, executions: [newExecution("a"), newExecution("b"), newExecution("c")] });
    assert.deepEqual(
      reports.map(({ inserted }) => inserted),
      [true, true, false],
    );
    assert.deepEqual(reports[2], { inserted: false, reason: "full", queued: 2 });
  },
  "a repeated insert succeeds although the queue is full by now": async ({ store }) => {
    await store.insert({ name, maxQueued: 1, executions: [newExecution("a")] });
    const [report] = await store.insert({ name, maxQueued: 1, executions: [newExecution("a")] });
    assert.equal(report?.inserted, true);
  },
  "payloads come back letter by letter, with NUL, quotes, emoji and spaces": async ({ running, settle, read }) => {
    const text = '{ "a" : "\\u0000 \\" \\ud800 é 😀", "b": 1.0 }';
    const lease = await running("a", "w1", { input: text });
    assert.equal(lease.input, text);
    await settle(lease, { type: "complete", result: text });
    assert.equal((await read("a")).result, text);
  },
  "a payload of two megabytes comes back whole": async ({ start, read }) => {
    const input = JSON.stringify("x".repeat(2_000_000));
    await start("a", { input });
    assert.equal((await read("a")).input, input);
  },
  "an empty batch is an empty report": async ({ store }) => {
    assert.deepEqual(await store.insert({ name, executions: [] }), []);
    assert.deepEqual(await store.settle({ name, owner: "w", settlements: [] }), []);
    assert.deepEqual(await store.renew({ name, owner: "w", leaseMs: 1, leases: [] }), []);
    assert.deepEqual(await store.get(name, []), []);
  },
  "get answers in the order asked, undefined for what is unknown": async ({ store, start }) => {
    await start("a");
    await start("b");
    assert.deepEqual(
      (await store.get(name, ["b", "nobody", "a", "b"])).map((record) => record?.id),
      ["b", undefined, "a", "b"],
    );
  },
  "a list shows the order of start, in pages": async ({ store }) => {
    await store.insert({ name, executions: ["d", "a", "c", "b", "e"].map((id) => newExecution(id)) });
    const first = await store.list({ name, limit: 2 });
    const next = await store.list({ name, limit: 2, cursor: first.nextCursor as string });
    const last = await store.list({ name, limit: 2, cursor: next.nextCursor as string });
    assert.deepEqual([ids(first.items), ids(next.items), ids(last.items)], [["d", "a"], ["c", "b"], ["e"]]);
    assert.equal(last.nextCursor, undefined);
  },
  "a cursor shows each matching record once though others change and vanish in between": async ({
    store,
    start,
    claim,
    settle,
    elapse,
  }) => {
    for (const id of ["a", "b", "c", "d"]) await start(id);
    const first = await store.list({ name, limit: 2 });
    for (const lease of await claim("w1", 2)) await settle(lease);
    await elapse(10);
    await store.remove({ name, olderThanMs: 5 });
    await start("e");
    const rest = await store.list({ name, limit: 10, cursor: first.nextCursor as string });
    assert.deepEqual(ids(rest.items), ["c", "d", "e"]);
  },
  "a list shows the newest first when asked to, in pages, filtered, and without what comes in between": async ({
    store,
    start,
    running,
    settle,
  }) => {
    await settle(await running("d", "w1", { group: "g" }));
    await start("a", { group: "g", tags: ["t"] });
    await start("c", { group: "h", tags: ["t"] });
    await running("b", "w1", { priority: 1, group: "g", tags: ["t"] });
    await start("e", { group: "g" });
    const newest = { name, order: "newest" } as const;
    const first = await store.list({ ...newest, limit: 2 });
    await start("f");
    const next = await store.list({ ...newest, limit: 2, cursor: first.nextCursor as string });
    const last = await store.list({ ...newest, limit: 2, cursor: next.nextCursor as string });
    assert.deepEqual([ids(first.items), ids(next.items), ids(last.items)], [["e", "b"], ["c", "a"], ["d"]]);
    assert.equal(last.nextCursor, undefined);
    const shown = async (query: object) => ids((await store.list({ ...newest, limit: 10, ...query })).items);
    assert.deepEqual(await shown({ status: "queued" }), ["f", "e", "c", "a"]);
    assert.deepEqual(await shown({ status: "running" }), ["b"]);
    assert.deepEqual(await shown({ status: "completed" }), ["d"]);
    assert.deepEqual(await shown({ group: "g" }), ["e", "b", "a", "d"]);
    assert.deepEqual(await shown({ tag: "t", status: "queued" }), ["c", "a"]);
    assert.deepEqual(ids((await store.list({ name, order: "oldest", limit: 2 })).items), ["d", "a"]);
  },
  "a list is filtered by status, group and tag": async ({ store, start, running, settle }) => {
    await start("a", { group: "g", tags: ["t"] });
    await start("b", { group: "h", tags: ["t", "u"] });
    await settle(await running("c", "w1", { group: "g", tags: ["u"] }));
    const shown = async (query: object) => ids((await store.list({ name, limit: 10, ...query })).items);
    assert.deepEqual(await shown({ status: "queued" }), ["a", "b"]);
    assert.deepEqual(await shown({ status: "completed" }), ["c"]);
    assert.deepEqual(await shown({ group: "g" }), ["a", "c"]);
    assert.deepEqual(await shown({ tag: "u" }), ["b", "c"]);
    assert.deepEqual(await shown({ group: "g", tag: "t", status: "queued" }), ["a"]);
  },
  "counts tell every status, what is parked and what a machine cannot run": async ({ store, start, running, settle, cancel }) => {
    await start("a");
    await start("b", { machineVersion: "2" });
    await running("c");
    await settle(await running("d"));
    await settle(await running("e"), { type: "fail", error: "{}" });
    await start("f");
    await cancel("f");
    const counts = await store.counts({ name, runs: { machineId: "machine", versions: ["1"] } });
    assert.deepEqual({ ...counts }, { queued: 2, running: 1, completed: 1, failed: 1, cancelled: 1, total: 6, unclaimable: 1, parked: 0 });
  },
  "remove takes final records that ended strictly earlier, and says how many": async ({ store, start, running, settle, elapse }) => {
    await settle(await running("a"));
    await start("live");
    await elapse(1_000);
    assert.equal(await store.remove({ name, olderThanMs: 1_000 }), 0);
    await elapse(1);
    assert.equal(await store.remove({ name, olderThanMs: 1_000 }), 1);
    assert.deepEqual(
      (await store.get(name, ["a", "live"])).map((record) => record?.id),
      [undefined, "live"],
    );
  },
  "remove takes the oldest first, up to its limit": async ({ store, running, settle, elapse }) => {
    for (const id of ["a", "b", "c"]) {
      await settle(await running(id));
      await elapse(1);
    }
    assert.equal(await store.remove({ name, olderThanMs: 0, limit: 2 }), 2);
    assert.deepEqual(ids((await store.list({ name, limit: 10 })).items), ["c"]);
  },
  "an id and a key are free again once the record is removed": async ({ store, start, running, settle, signal, elapse, read }) => {
    const lease = await running("a", "w1", { idempotencyKey: "k" });
    await signal("a", "s");
    await store.appendEvents({
      name,
      owner: "w1",
      maxEvents: 9,
      entries: [{ id: "a", fence: lease.fence, events: [{ ordinal: 1, body: "1" }] }],
    });
    await settle(lease);
    await elapse(1);
    await store.remove({ name, olderThanMs: 0 });
    await start("a", { idempotencyKey: "k", startToken: "new" });
    assert.equal((await read("a")).lastSignal, 0);
    assert.deepEqual(await store.readSignals({ name, id: "a" }), []);
    assert.deepEqual(await store.readEvents({ name, id: "a" }), []);
  },
};
