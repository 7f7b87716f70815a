import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { DurableWorld } from "../durable/durable-world.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import type { StoreAddress } from "../support/store-address.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { FaultWorld, within } from "./fault-world.ts";

describeWithPostgres("connections to Postgres that break", () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  let schema: string;
  let schemas = 0;
  let faults: FaultWorld | undefined;
  let world: DurableWorld;
  const urlOf = (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`;
  const at = (port: number): StoreAddress => ({ kind: "postgres", connectionString: urlOf(port), schema, operationTimeoutMs: 500 });
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.remove());
  beforeEach(async () => {
    schema = `broken_${++schemas}`;
    proxy = await TcpProxy.listen(server.port);
    world = new DurableWorld(() =>
      createPostgresStore({ connectionString: urlOf(proxy.port), schema, maxConnections: 3, operationTimeoutMs: 500 }),
    );
  });
  afterEach(async () => {
    proxy.thaw();
    proxy.cutAnswers(() => false);
    await world.close();
    await faults?.close();
    faults = undefined;
    await proxy.close();
  });

  test("a half-open connection: another worker takes over, and the first one comes back on new connections", async () => {
    faults = await FaultWorld.create({ store: at(server.port) });
    const { load, sink, store, workers } = faults;
    const cutOff = workers.start({ store: at(proxy.port) });
    await cutOff.ready;
    await load.startFunction("taken over", { steps: 400, workMs: 10 });
    await within(
      10_000,
      "the first effects",
      sink.until(() => sink.effects("taken over").length > 3),
    );
    // What the worker has open is dead from now on, and what it opens, until its lease is another's.
    proxy.freeze({ newOnes: true });
    const helper = workers.start();
    await within(
      15_000,
      "the takeover",
      sink.until(() => sink.highestFence("taken over") === 2),
    );
    // Its old connections stay dead: it has to make new ones.
    proxy.freeze({ newOnes: false });
    await helper.kill();
    await within(
      20_000,
      "its return",
      sink.until(() => sink.highestFence("taken over") === 3),
    );
    expect((await store.get("function", ["taken over"]))[0]?.owner).toBe(cutOff.id);
    expect(await within(30_000, "the end", load.endOf("taken over"))).toBe(400);
    expect((await faults.audit()).takeovers).toBe(2);
  }, 120_000);

  test("a client whose connection is half-open goes on with a new one, and its start is one execution", async () => {
    const orchestrator = async (n: number) => n + 1;
    const client = world.client({ orchestrator, leaseMs: 1_500 });
    expect(await client.counts()).toMatchObject({ total: 0 });
    proxy.freeze({ newOnes: false });
    const ids = await within(5_000, "starts", Promise.all([client.start(1), client.startMany([{ input: 2 }, { input: 3 }])]));
    expect(await client.counts()).toMatchObject({ total: 3 });
    world.worker({ orchestrator });
    expect(await Promise.all(ids.flat().map((id) => client.waitFor(id)))).toEqual([2, 3, 4]);
  }, 120_000);

  test("close keeps its deadline while nothing answers", async () => {
    const orchestrator = (_: null, { signal }: ExecutionScope) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    const worker = world.coordinator({ orchestrator });
    const id = await worker.start(null);
    worker.waitFor(id).catch(() => {});
    await expect.poll(() => worker.stats.getSnapshot().context.running).toBe(1);
    proxy.freeze({ newOnes: true });
    expect(await within(4_000, "close", worker.close({ deadlineMs: 200 }))).toEqual({
      drained: 0,
      cancelled: 0,
      released: 1,
      abandoned: 0,
    });
  }, 120_000);

  /** Statements whose answers are cut off while this is what is done. One that the connection knows by name is sent without its text. */
  const calls: Record<string, RegExp> = {
    "a start": /insert_executions/,
    "a claim": /\.claim\(|broken_\d+ claim/,
    "a checkpoint": /\.save\(/,
    "an end": /\.settle\(|broken_\d+ settle/,
    "a signal": /append_signals/,
    "a cancel": /\.cancel\(/,
    "a renewal": /\.renew\(/,
  };
  for (const [what, pattern] of Object.entries(calls)) {
    test(`the answer to ${what} is lost although it was carried out: it counts once`, async () => {
      const seen = new Map<number, number[]>();
      const orchestrator = async (n: number, { attempt, checkpoint, signals, restored }: ExecutionScope) => {
        seen.set(n, [...(seen.get(n) ?? []), attempt]);
        await checkpoint(Number(restored ?? 0) + 1);
        const heard: unknown[] = [];
        for await (const event of signals()) {
          if (event.type === "ended") break;
          heard.push(event.type);
        }
        return heard;
      };
      const client = world.client({ orchestrator });
      const worker = world.worker({ orchestrator, leaseMs: 3_000 });
      await client.counts();
      // Renewals come once a second, and after three that are not known to have worked the lease is over.
      let left = what === "a renewal" ? 1 : 3;
      proxy.cutAnswers((request) => pattern.test(request) && left-- > 0);
      const ids = await Promise.all([0, 1, 2].map((n) => client.start(n)));
      const [first = "", second = "", third = ""] = ids;
      for (const type of ["one", "two"]) expect(await client.send(first, { type })).toEqual({ accepted: true });
      await expect.poll(async () => (await client.getStatus(third))?.status, { timeout: 30_000 }).toBe("running");
      expect(await client.cancel(third)).toBe(true);
      if (what === "a renewal") await expect.poll(() => proxy.cuts, { timeout: 30_000 }).toBeGreaterThan(0);
      for (const id of [first, second]) await client.send(id, { type: "ended" });
      expect(await client.waitFor(first)).toEqual(["one", "two"]);
      expect(await client.waitFor(second)).toEqual([]);
      await expect(client.waitFor(third)).rejects.toMatchObject({ code: "EXECUTION_CANCELLED" });
      expect(proxy.cuts).toBeGreaterThan(0);
      expect(await client.counts()).toMatchObject({ total: 3, completed: 2, cancelled: 1 });
      for (const { attempt, takeovers } of (await client.list()).items) expect([attempt, takeovers]).toEqual([1, 0]);
      // Its worker knows how they ended, too.
      await expect.poll(() => worker.stats.getSnapshot().context).toMatchObject({ completed: 2, cancelled: 1, slotsTaken: 0 });
      // One that was cancelled while its claim's answer was lost never begins.
      expect([...seen.values()].filter((attempts) => attempts.length !== 1 || attempts[0] !== 1)).toEqual([]);
    }, 120_000);
  }

  test("the answer to a caller's COMMIT is lost: the key tells that the execution was started", async () => {
    const orchestrator = async (n: number) => n;
    const client = world.client({ orchestrator });
    const caller = new pg.Client({ connectionString: urlOf(proxy.port) });
    caller.on("error", () => {});
    await caller.connect();
    await caller.query("BEGIN");
    const id = await client.start(7, { idempotencyKey: "seven", transaction: caller });
    proxy.cutAnswers((request) => request.includes("COMMIT"));
    await expect(caller.query("COMMIT")).rejects.toThrow();
    proxy.cutAnswers(() => false);
    expect(proxy.cuts).toBe(1);
    expect(await client.start(7, { idempotencyKey: "seven" })).toBe(id);
    world.worker({ orchestrator });
    expect(await client.waitFor(id)).toBe(7);
    expect(await client.counts()).toMatchObject({ total: 1 });
  });

  test(`one answer in eight is lost, under load: what was accepted comes to its end (seed ${faultSeed})`, async () => {
    const draw = drawer();
    faults = await FaultWorld.create({ store: at(proxy.port), leaseMs: 1_500 });
    const { load, workers } = faults;
    for (let count = 0; count < 2; count++) workers.start();
    load.keep(10, 4);
    await within(10_000, "a beginning", load.untilEnded(10));
    proxy.cutAnswers(() => draw(0, 8) < 1);
    await within(30_000, "more", load.untilEnded(150));
    proxy.cutAnswers(() => false);
    await within(20_000, "the end of what had been started", load.finish());
    expect(proxy.cuts).toBeGreaterThan(50);
    await faults.audit();
  }, 120_000);
});
