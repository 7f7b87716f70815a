import { expect } from "vitest";
import type { NewExecution } from "../../src/model/stored-execution.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import type { ClaimRequest } from "../../src/ports/store-claim.ts";
import type { SettleOutcome } from "../../src/ports/store-settle.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";

const name = "same";
const steps = 400;

/** Numbers that look random and are the same each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What a store has instead of no limit. */
const unlimited = 2 ** 31 - 1;

/** Of lists whose order is open, the members; of records no sequence, which only has to rise. */
function comparable(value: unknown, isExact: boolean): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (key, part) => {
    if (!isExact && part === unlimited) return null;
    const isOpen = ["executions", "refused", "takenOver", "lost", "cancelled"].includes(key) && Array.isArray(part);
    if (isOpen) return part.map((item) => JSON.stringify(item)).sort();
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part;
    if (typeof part.queuedAt === "number" && "fence" in part) delete part.sequence;
    if (isExact) return part;
    // Counted while it was tried, or when all of it was taken back.
    if (part.reason === "full") delete part.queued;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

interface Comparison {
  readonly seed: number;
  readonly stores: readonly [memory: ExecutionStore, other: ExecutionStore];
  elapse(ms: number): Promise<void>;
  /**
   * Both say the very same, and groups and kinds of machines take turns the same way. Where not, there is one kind and no group, fields may
   * be in another order, and what a full queue says of its length is left out.
   */
  readonly exact: boolean;
}

/** The same calls on both, one after the other; what each says, and at last all that each has, must be the same. */
class Twins {
  readonly held = new Map<string, { readonly id: string; readonly fence: number; readonly owner: string }>();
  readonly #random: (below: number) => number;
  readonly #stores: readonly ExecutionStore[];
  readonly #elapse: (ms: number) => Promise<void>;
  readonly #exact: boolean;
  #count = 0;
  #lastClaim: ClaimRequest | undefined;

  constructor({ seed, stores, elapse, exact }: Comparison) {
    this.#random = randomFrom(seed);
    this.#stores = stores;
    this.#elapse = elapse;
    this.#exact = exact;
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
    const [memory, other] = await Promise.all(this.#stores.map(call));
    expect(comparable(other, this.#exact), `step ${this.#count}: ${what}`).toEqual(comparable(memory, this.#exact));
    return memory as Result;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }

  #machine(): string {
    return this.#exact ? this.#pick(["machine", "machine", "other"]) : "machine";
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
        machineId: this.#machine(),
        maxTakeovers: this.#pick([0, 2, Number.POSITIVE_INFINITY]),
        ...(this.#exact && this.#maybe({ group: this.#pick(["a", "b", "c", "d"]) })),
        ...this.#maybe({ tags: [this.#pick(["x", "y"])] }),
        ...(this.#exact && this.#maybe({ machineVersion: this.#pick(["1", "2"]) })),
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
      machineId: this.#machine(),
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
      { type: "retry", error: '{"again":1}', delayMs: this.#pick([0, 100 + this.#count]), checkpoint: this.#pick(["keep", "drop"]) },
      { type: "release", delayMs: this.#pick([0, 100 + this.#count]) },
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
      ...(this.#exact && this.#maybe({ machineVersion: "2" })),
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

/** Makes the same calls, which look random, on the store in memory and on another one. */
export async function compareWithMemory(comparison: Comparison): Promise<void> {
  const twins = new Twins(comparison);
  for (let step = 0; step < steps; step++) await twins.step();
  for (const filter of [{}, { status: "queued" }, { status: "running", group: "a" }, { tag: "x" }] as const)
    await twins.both(`list ${JSON.stringify(filter)}`, (store) => store.list({ name, limit: 1_000, ...filter }));
  const { items } = await comparison.stores[0].list({ name, limit: 10_000 });
  await twins.both("all", (store) =>
    store.get(
      name,
      items.map(({ id }) => id),
    ),
  );
  expect(items.length).toBeGreaterThan(steps / 10);
}
