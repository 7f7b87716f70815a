import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import type { NewExecution } from "../../src/model/stored-execution.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import type { ClaimRequest } from "../../src/ports/store-claim.ts";
import type { SettleOutcome } from "../../src/ports/store-settle.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { redisStoreInTestTime, setRedisTime } from "../support/redis-time.ts";

const name = "same";
const steps = 400;
const startedAt = 1_700_000_000_000;

/** Numbers that look random and are the same each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Of lists whose order is open, the members; and of records no sequence, which only has to rise. */
function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (key, part) => {
    if (typeof part?.queuedAt === "number" && "fence" in part) delete part.sequence;
    const isOpen = ["executions", "refused", "takenOver", "lost", "cancelled"].includes(key) && Array.isArray(part);
    return isOpen ? part.map((item) => JSON.stringify(item)).sort() : part;
  });
}

/** The same calls on both, one after the other; what each says, and at last all that each has, must be the same. */
class Twins {
  readonly held = new Map<string, { readonly id: string; readonly fence: number; readonly owner: string }>();
  readonly #random: (below: number) => number;
  readonly #stores: readonly ExecutionStore[];
  readonly #elapse: (ms: number) => Promise<void>;
  #count = 0;
  #lastClaim: ClaimRequest | undefined;

  constructor(seed: number, stores: readonly ExecutionStore[], elapse: (ms: number) => Promise<void>) {
    this.#random = randomFrom(seed);
    this.#stores = stores;
    this.#elapse = elapse;
  }

  async step(): Promise<void> {
    const actions = [
      () => this.#insert(),
      () => this.#insert(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#settle(),
      () => this.#settle(),
      () => this.#save(),
      () => this.#message(),
      () => this.#maintain(),
      () => this.#elapse(this.#random(400)),
    ];
    await this.#pick(actions)();
    this.#count += 1;
  }

  async both<Result>(what: string, call: (store: ExecutionStore) => Promise<Result>): Promise<Result> {
    const [memory, redis] = await Promise.all(this.#stores.map(call));
    expect(comparable(redis), `step ${this.#count}: ${what}`).toEqual(comparable(memory));
    return memory as Result;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }

  #maybe<Part>(part: Part): Part | Record<string, never> {
    return this.#random(3) === 0 ? part : {};
  }

  #id(): string {
    return `e${this.#random(Math.max(5, this.#count))}`;
  }

  #lease(): { id: string; fence: number; owner: string } {
    const lease = this.#pick([...this.held.values(), { id: this.#id(), fence: 1, owner: "w0" }]);
    return this.#random(10) === 0 ? { ...lease, fence: lease.fence + 1 } : lease;
  }

  async #insert(): Promise<void> {
    const executions: NewExecution[] = Array.from({ length: 1 + this.#random(4) }, () => {
      const id = this.#random(12) === 0 ? this.#id() : `e${this.#count}-${this.#random(1e6)}`;
      return newExecution(id, {
        startToken: this.#random(20) === 0 ? "same" : `${id}-${this.#count}`,
        priority: this.#pick([0, 0, 0, 1, -2.5]),
        delayMs: this.#pick([0, 0, 0, 150]),
        machineId: this.#pick(["machine", "machine", "other"]),
        maxTakeovers: this.#pick([0, 2, Number.POSITIVE_INFINITY]),
        ...this.#maybe({ group: this.#pick(["a", "b", "c", "d"]) }),
        ...this.#maybe({ tags: [this.#pick(["x", "y"])] }),
        ...this.#maybe({ machineVersion: this.#pick(["1", "2"]) }),
        ...this.#maybe({ idempotencyKey: `k${this.#random(20)}`, inputHash: this.#pick(["h", "i"]) }),
      });
    });
    const options = { ...this.#maybe({ atomic: true }), ...this.#maybe({ maxQueued: 20 }) };
    await this.both("insert", (store) => store.insert({ name, executions, ...options }));
  }

  async #claim(): Promise<void> {
    const owner = this.#pick(["w0", "w1", "w2"]);
    const fresh: ClaimRequest = {
      name,
      owner,
      claimId: `c${this.#count}`,
      limit: 1 + this.#random(6),
      leaseMs: this.#pick([200, 2_000]),
      machineId: this.#pick(["machine", "machine", "other"]),
      versions: this.#pick([["1"], ["1", "2"], "any"] as const),
      ...this.#maybe({ groupLimit: this.#pick([1, 3, (group: string) => (group === "a" ? 1 : 2)]) }),
      ...this.#maybe({ rateLimit: { limit: 6, intervalMs: 500 } }),
      ...(this.#random(5) === 0 && { ids: [this.#id(), this.#id(), ...[...this.held.keys()].slice(0, 2)] }),
    };
    const request = this.#random(8) === 0 ? (this.#lastClaim ?? fresh) : fresh;
    this.#lastClaim = request;
    const { executions } = await this.both("claim", (store) => store.claim(request));
    for (const { id, fence, owner: holder } of executions) this.held.set(id, { id, fence, owner: holder });
  }

  async #settle(): Promise<void> {
    const { id, fence, owner } = this.#lease();
    const outcomes: SettleOutcome[] = [
      { type: "complete", result: '"done"' },
      { type: "complete" },
      { type: "fail", error: '{"no":1}', abandoned: true },
      { type: "cancel", reason: "" },
      { type: "retry", error: '{"again":1}', delayMs: this.#pick([0, 100]), checkpoint: this.#pick(["keep", "drop"]) },
      { type: "release", delayMs: this.#pick([0, 100]) },
    ];
    const settlements = [{ id, fence, outcome: this.#pick(outcomes), ...this.#maybe({ progress: `"${this.#count}"` }) }];
    await this.both("settle", (store) => store.settle({ name, owner, settlements }));
  }

  async #save(): Promise<void> {
    const { id, fence, owner } = this.#lease();
    const checkpoint = {
      revision: 1 + this.#random(this.#count + 1),
      body: `"${this.#count}"`,
      consumedSignal: this.#random(3),
      ...this.#maybe({ machineVersion: "2" }),
    };
    const kind = this.#random(4);
    if (kind === 0) await this.both("renew", (store) => store.renew({ name, owner, leaseMs: 500, leases: [{ id, fence }] }));
    else if (kind === 1) {
      const entries = [{ id, fence, change: this.#pick(["yield", "take", "force"] as const) }];
      await this.both("slots", (store) => store.changeSlots({ name, owner, groupLimit: () => 1, entries }));
    } else if (kind === 2) {
      const entries = [{ id, fence, checkpoint, ...this.#maybe({ wakeInMs: 120 }) }];
      await this.both("park", (store) => store.park({ name, owner, entries }));
    } else {
      const entries = [{ id, fence, progress: `"${this.#count}"`, ...this.#maybe({ checkpoint }) }];
      await this.both("checkpoint", (store) => store.checkpoint({ name, owner, entries }));
    }
  }

  async #message(): Promise<void> {
    const { id, fence, owner } = this.#lease();
    const kind = this.#random(4);
    if (kind === 0) {
      const cancels = [{ id, token: `t${this.#random(3)}`, ...this.#maybe({ reason: "" }) }];
      await this.both("cancel", (store) => store.requestCancel({ name, cancels }));
    } else if (kind === 1) {
      const events = [1, 2].map((ordinal) => ({ ordinal: this.#count + ordinal, body: `${ordinal}` }));
      await this.both("events", (store) => store.appendEvents({ name, owner, maxEvents: 5, entries: [{ id, fence, events }] }));
    } else {
      const signals = [1, 2].map((n) => ({ id, token: `s${this.#random(9)}`, body: `${n}` }));
      await this.both("signals", (store) => store.appendSignals({ name, signals }));
    }
    await this.both("messages", (store) =>
      Promise.all([store.readSignals({ name, id }), store.readEvents({ name, id, afterSequence: 1 })]),
    );
  }

  async #maintain(): Promise<void> {
    const kind = this.#random(4);
    if (kind === 0) await this.both("sweep", (store) => store.sweep({ name }));
    else if (kind === 1) await this.both("remove", (store) => store.remove({ name, olderThanMs: 3_000 }));
    else if (kind === 2)
      await this.both("overdue", (store) => store.findOverdue({ name, waitingMs: 100, limit: 1_000 }).then((ids) => [...ids].sort()));
    else await this.both("counts", (store) => store.counts({ name, runs: { machineId: "machine", versions: ["1"] } }));
  }
}

describeWithRedis("the Redis store beside the one in memory", () => {
  timersInBackground("ioredis");
  let server: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis({ appendonly: "no" });
    admin = new Redis(server.url);
  }, 60_000);
  afterAll(async () => {
    admin?.disconnect();
    await server?.remove();
  }, 20_000);

  it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
    "says the same to the same calls, whatever they are (%i)",
    async (seed) => {
      const keyPrefix = `seed${seed}`;
      const clock = new VirtualClock({ now: startedAt });
      await setRedisTime(admin, keyPrefix, startedAt);
      const stores = [createMemoryStore({ clock }), redisStoreInTestTime({ url: server.url, keyPrefix })];
      const twins = new Twins(seed, stores, async (ms) => {
        await clock.advance(ms);
        await setRedisTime(admin, keyPrefix, clock.now());
      });
      for (let step = 0; step < steps; step++) await twins.step();
      for (const order of ["oldest", "newest"] as const) {
        for (const filter of [{}, { status: "queued" }, { status: "running", group: "a" }, { tag: "x" }] as const) {
          if (order === "oldest")
            await twins.both(`list ${JSON.stringify(filter)}`, (store) => store.list({ name, limit: 1_000, ...filter }));
        }
      }
      const { items } = await (stores[0] as ExecutionStore).list({ name, limit: 10_000 });
      await twins.both("all", (store) =>
        store.get(
          name,
          items.map(({ id }) => id),
        ),
      );
      expect(items.length).toBeGreaterThan(steps / 10);
      await Promise.all(stores.map((store) => store.close()));
    },
    20_000,
  );
});
