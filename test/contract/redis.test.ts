import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRedisStore, EvictionPolicyError } from "../../src/adapters/redis/index.ts";
import { InvalidOptionsError } from "../../src/model/errors.ts";
import { SchemaVersionError, StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { claimInProcess } from "../support/claiming-process.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { redisStoreInTestTime, setRedisTime } from "../support/redis-time.ts";

let server: RedisServer;
let admin: Redis;
let prefixes = 0;

timersInBackground("ioredis");

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url, { retryStrategy: () => 20 });
  admin.on("error", () => {});
}, 60_000);
afterAll(async () => {
  admin?.disconnect();
  await server?.remove();
}, 20_000);

function nextPrefix(): string {
  prefixes += 1;
  return `p${prefixes}`;
}

describeWithRedis("Redis store", () => {
  const contract = executionStoreContract(async () => {
    const keyPrefix = nextPrefix();
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = redisStoreInTestTime({ url: server.url, keyPrefix });
      opened.push(store);
      return store;
    };
    let now = 1_700_000_000_000;
    await setRedisTime(admin, keyPrefix, now);
    return {
      store: open(),
      openSecond: async () => open(),
      async elapse(ms) {
        now += ms;
        await setRedisTime(admin, keyPrefix, now);
      },
      async close() {
        for (const each of opened) await each.close();
        await admin.flushall();
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});

describeWithRedis("Redis store, on its own", () => {
  const open = (keyPrefix: string) => createRedisStore({ url: server.url, keyPrefix });
  const request = { name: "t", owner: "w", leaseMs: 60_000, machineId: "machine", versions: "any" } as const;

  it("two processes that claim at once never get the same execution, and leave none", async () => {
    const keyPrefix = nextPrefix();
    const store = open(keyPrefix);
    await store.insert({ name: "p", executions: Array.from({ length: 2_000 }, (_, index) => newExecution(`e${index}`)) });
    const address = { kind: "redis", url: server.url, keyPrefix } as const;
    const taken = (await Promise.all([claimInProcess(address), claimInProcess(address)])).flat();
    expect([taken.length, new Set(taken).size]).toEqual([2_000, 2_000]);
    await store.close();
  }, 30_000);

  it("names, ids, groups, tags and machines of any letters are kept apart", async () => {
    const store = open(nextPrefix());
    const odd = ["a", "{a}", "%7Ba%7D", "", "a:b", "é{", "}"];
    for (const name of odd) {
      const [report] = await store.insert({
        name,
        executions: [newExecution("x", { group: `g${name}`, tags: [name, "{}"], input: name })],
      });
      expect(report?.inserted).toBe(true);
    }
    for (const name of odd) {
      const { items } = await store.list({ name, limit: 9, group: `g${name}`, tag: name });
      expect(items.map(({ name: of, tags }) => [of, tags])).toEqual([[name, [name, "{}"]]]);
      const { executions } = await store.claim({ ...request, name, claimId: `c${name}`, limit: 9 });
      expect(executions.map(({ input }) => input)).toEqual([name]);
    }
    await store.close();
  });

  it("priorities of any size come in order", async () => {
    const store = open(nextPrefix());
    const priorities = [1e300, 2.5, 1, Number.MIN_VALUE, 0, -Number.MIN_VALUE, -1, -1.5, -1e300];
    const executions = priorities.map((priority) => newExecution(String(priority), { priority }));
    await store.insert({ name: "t", executions: executions.toReversed() });
    const report = await store.claim({ ...request, claimId: "all", limit: 99 });
    expect(report.executions.map(({ priority }) => priority)).toEqual(priorities);
    await store.close();
  });

  it("a claim from thousands of groups takes its share and goes on where the last one has ended", async () => {
    const store = open(nextPrefix());
    const groups = 5_000;
    for (let from = 0; from < groups; from += 1_000) {
      const executions = Array.from({ length: 1_000 }, (_, index) => newExecution(`e${from + index}`, { group: `g${from + index}` }));
      await store.insert({ name: "t", executions, atomic: true });
    }
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const { executions } = await store.claim({ ...request, claimId: `c${round}`, limit: 50, groupLimit: () => 1 });
      for (const { group } of executions) seen.add(group as string);
    }
    expect(seen.size).toBe(1_000);
    await store.close();
  }, 20_000);

  it("groups at their limit do not hide others, however many they are", async () => {
    const store = open(nextPrefix());
    const pairs = Array.from({ length: 3_000 }, (_, index) => String(index).padStart(4, "0"));
    const group = (index: string) => `g${index}`;
    await store.insert({ name: "t", executions: pairs.map((index) => newExecution(`a${index}`, { group: group(index) })), atomic: true });
    await store.claim({ ...request, claimId: "hold", limit: 3_000 });
    await store.insert({ name: "t", executions: pairs.map((index) => newExecution(`b${index}`, { group: group(index) })), atomic: true });
    await store.insert({ name: "t", executions: [newExecution("free", { group: "z" })] });
    const taken: string[] = [];
    for (let round = 0; round < 8 && taken.length === 0; round++) {
      const { executions } = await store.claim({ ...request, claimId: `c${round}`, limit: 5, groupLimit: 1 });
      taken.push(...executions.map(({ id }) => id));
    }
    expect(taken).toEqual(["free"]);
    await store.close();
  });

  it("a list goes from the newest to the oldest, too, and finds what is rare among many", async () => {
    const store = open(nextPrefix());
    const executions = Array.from({ length: 5_000 }, (_, index) =>
      newExecution(`e${index}`, { tags: index % 2_400 === 7 ? ["rare", "all"] : ["all"] }),
    );
    await store.insert({ name: "t", executions, atomic: true });
    const first = await store.list({ name: "t", order: "newest", limit: 2 });
    const next = await store.list({ name: "t", order: "newest", limit: 1, cursor: first.nextCursor as string });
    expect([...first.items, ...next.items].map(({ id }) => id)).toEqual(["e4999", "e4998", "e4997"]);
    const rare = await store.list({ name: "t", order: "newest", limit: 2, tag: "rare", status: "queued" });
    expect(rare.items.map(({ id }) => id)).toEqual(["e4807", "e2407"]);
    const last = await store.list({ name: "t", order: "newest", limit: 2, tag: "rare", cursor: rare.nextCursor as string });
    expect([last.items.map(({ id }) => id), last.nextCursor]).toEqual([["e7"], undefined]);
    await expect(store.list({ name: "t", limit: 1, cursor: "(1" })).rejects.toThrow(InvalidOptionsError);
    await store.close();
  });

  it("what is larger than a payload may be is refused alone", async () => {
    const store = open(nextPrefix());
    const { maxPayloadBytes } = store.capabilities;
    const reports = await store.insert({
      name: "t",
      executions: [newExecution("small"), newExecution("large", { input: `"${"x".repeat(maxPayloadBytes)}"` })],
    });
    expect(reports.map((report) => (report.inserted ? "inserted" : report.reason))).toEqual(["inserted", "unstorable"]);
    const { executions } = await store.claim({ ...request, claimId: "c", limit: 1 });
    const fence = executions[0]?.fence as number;
    const outcome = { type: "complete", result: `"${"x".repeat(maxPayloadBytes)}"` } as const;
    expect(await store.settle({ name: "t", owner: "w", settlements: [{ id: "small", fence, outcome }] })).toEqual([
      { settled: false, reason: "unstorable" },
    ]);
    await store.close();
  });

  it("nothing is left of what was removed", async () => {
    const keyPrefix = nextPrefix();
    const store = open(keyPrefix);
    const fields = { group: "g", tags: ["t"], idempotencyKey: "k" };
    await store.insert({ name: "t", executions: [newExecution("a", fields)] });
    const { executions } = await store.claim({ ...request, claimId: "c", limit: 1, leaseMs: 20_000, groupLimit: 1 });
    const fence = executions[0]?.fence as number;
    await store.appendSignals({ name: "t", signals: [{ id: "a", token: "s", body: "1" }] });
    await store.appendEvents({ name: "t", owner: "w", maxEvents: 9, entries: [{ id: "a", fence, events: [{ ordinal: 1, body: "1" }] }] });
    await store.settle({ name: "t", owner: "w", settlements: [{ id: "a", fence, outcome: { type: "complete" } }] });
    await expect.poll(() => store.remove({ name: "t", olderThanMs: 0 })).toBe(1);
    await store.sweep({ name: "t" });
    const left = (await admin.keys(`${keyPrefix}:*`)).map((key) => key.replace(/^.*:/, "")).sort();
    // The last two for as long as a claim may be repeated, and to number what comes.
    expect(left).toEqual(["c", "position", "schema", "turn"]);
    await store.close();
  });

  it("a server that may remove executions is refused, unless that is said to be acceptable", async () => {
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    const keyPrefix = nextPrefix();
    const store = open(keyPrefix);
    const refused = await store.counts({ name: "t" }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(EvictionPolicyError);
    expect(refused).toMatchObject({ code: "EVICTION_POLICY_UNSAFE", policy: "allkeys-lru" });
    const bold = createRedisStore({ url: server.url, keyPrefix, allowEviction: true });
    expect((await bold.counts({ name: "t" })).total).toBe(0);
    await admin.config("SET", "maxmemory-policy", "noeviction");
    expect((await store.counts({ name: "t" })).total).toBe(0);
    await Promise.all([store.close(), bold.close()]);
  });

  it("where CONFIG is forbidden the policy is still known, and durability only as far as it is told", async () => {
    await admin.acl("SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-config");
    const store = createRedisStore({ url: server.url.replace("//", "//app:secret@"), keyPrefix: nextPrefix() });
    expect((await store.counts({ name: "t" })).total).toBe(0);
    expect(store.capabilities.durability).toBe("process");
    await store.close();
    await admin.acl("DELUSER", "app");
  });

  it("durability is what the server is set to", async () => {
    const settings = [{ appendfsync: "always" }, { appendfsync: "everysec" }, { appendonly: "no" }];
    const found: unknown[] = [];
    for (const each of settings) {
      const other = await startRedis(each);
      const store = createRedisStore({ url: other.url });
      const before = store.capabilities.durability;
      await store.counts({ name: "t" });
      found.push([before, store.capabilities.durability]);
      await store.close();
      await other.remove();
    }
    expect(found).toEqual([
      ["none", "power"],
      ["none", "process"],
      ["none", "none"],
    ]);
  });

  it("a full server is reported as unavailable, and goes on once there is room", async () => {
    const store = open(nextPrefix());
    await store.insert({ name: "t", executions: [newExecution("a")] });
    await admin.config("SET", "maxmemory", "1mb");
    await expect(store.insert({ name: "t", executions: [newExecution("b")] })).rejects.toThrow(StoreUnavailableError);
    await admin.config("SET", "maxmemory", "0");
    expect(await store.insert({ name: "t", executions: [newExecution("b")] })).toMatchObject([{ inserted: true, repeated: false }]);
    await store.close();
  });

  it("newer data is refused", async () => {
    const keyPrefix = nextPrefix();
    await admin.set(`${keyPrefix}:schema`, 999);
    const store = open(keyPrefix);
    await expect(store.counts({ name: "t" })).rejects.toThrow(SchemaVersionError);
    await store.close();
  });

  it("options that cannot be are refused at once", () => {
    expect(() => createRedisStore({})).toThrow(/^url: expected either a url or a client/);
    expect(() => createRedisStore({ url: server.url, client: admin })).toThrow(/^url: expected either/);
    expect(() => createRedisStore({ url: server.url, keyPrefix: "a{b}" })).toThrow(/^keyPrefix: expected a text without braces/);
    expect(() => createRedisStore({ url: server.url, operationTimeoutMs: 0 })).toThrow(InvalidOptionsError);
  });

  it("a client of the caller is used and stays open", async () => {
    const store = createRedisStore({ client: admin, keyPrefix: nextPrefix() });
    await store.insert({ name: "t", executions: [newExecution("a")] });
    await store.watch({ name: "t", work: true }, () => {});
    await store.close();
    expect(await admin.ping()).toBe("PONG");
    const prefixed = new Redis(server.url, { keyPrefix: "x", lazyConnect: true });
    expect(() => createRedisStore({ client: prefixed })).toThrow(/^client: expected a client without keyPrefix/);
    prefixed.disconnect();
  });

  it("lost connections cost a call or none, and a watcher listens again and says that it may have missed something", async () => {
    const store = open(nextPrefix());
    const heard: string[] = [];
    await store.watch({ name: "t", work: true }, ({ type }) => heard.push(type));
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await expect.poll(() => heard.includes("missed"), { timeout: 5_000 }).toBe(true);
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const insert = () => store.insert({ name: "t", executions: [newExecution("a")] });
    await insert().catch((error) => expect(error).toBeInstanceOf(StoreUnavailableError));
    await insert();
    await expect.poll(() => heard.includes("claimable"), { timeout: 5_000 }).toBe(true);
    await store.close();
  });

  it("a server that says nothing is given up in time, and closing waits no longer", async () => {
    const store = createRedisStore({ url: server.url, keyPrefix: nextPrefix(), operationTimeoutMs: 200 });
    await store.watch({ name: "t", work: true }, () => {});
    server.freeze();
    await expect(store.counts({ name: "t" })).rejects.toThrow(StoreUnavailableError);
    await store.close();
    server.thaw();
    const again = open(nextPrefix());
    await again.counts({ name: "t" });
    server.freeze();
    await again.close();
    server.thaw();
  });

  it("a server that is away is reported as unavailable; killed and started again it has all that was accepted", async () => {
    const store = open(nextPrefix());
    await store.insert({ name: "t", executions: [newExecution("a")] });
    const accepted = ["a"];
    const storm = Array.from({ length: 200 }, async (_, index) => {
      const [report] = await store.insert({ name: "t", executions: [newExecution(`e${index}`)], atomic: true }).catch(() => []);
      if (report?.inserted) accepted.push(`e${index}`);
      if (index === 100) await server.crash();
    });
    await Promise.all(storm);
    await expect(store.counts({ name: "t" })).rejects.toThrow(StoreUnavailableError);
    await server.start();
    await expect.poll(() => store.counts({ name: "t" }).catch(() => undefined), { timeout: 5_000 }).toBeDefined();
    const found = await store.get("t", accepted);
    expect(found.filter((record) => record === undefined)).toEqual([]);
    await server.crash();
    await store.close();
    await server.start();
    await expect.poll(() => admin.ping().catch(() => undefined), { timeout: 5_000 }).toBe("PONG");
  }, 20_000);

  it("without an append-only file a killed server has lost what it was given", async () => {
    const forgetful = await startRedis({ appendonly: "no" });
    const store = createRedisStore({ url: forgetful.url });
    await store.insert({ name: "t", executions: [newExecution("a")] });
    expect(store.capabilities.durability).toBe("none");
    await forgetful.crash();
    await forgetful.start();
    await expect.poll(() => store.counts({ name: "t" }).catch(() => undefined), { timeout: 5_000 }).toMatchObject({ total: 0 });
    await store.close();
    await forgetful.remove();
  });
});
