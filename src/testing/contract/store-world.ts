import assert from "node:assert/strict";
import type { NewExecution, StoredExecution } from "../../model/stored-execution.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import type { ClaimedExecution, ClaimRequest } from "../../ports/store-claim.ts";
import type { SettleOutcome, SettleReport } from "../../ports/store-settle.ts";

/** A store on fresh data, and what a contract needs around it. */
export interface StoreWorld {
  readonly store: ExecutionStore;
  /** A second store on the same data, as another process would have it. Closed by the world. */
  openSecond(): Promise<ExecutionStore>;
  /** Lets so much time pass on the store's clock. */
  elapse(ms: number): Promise<void>;
  /** Closes the stores and removes the data. */
  close(): Promise<void>;
}

export const name = "contract";
export const leaseMs = 30_000;

/** A world with short words for what most cases do. */
export interface StoreFixture extends StoreWorld {
  readonly second: () => Promise<ExecutionStore>;
  start(id: string, fields?: Partial<NewExecution>): Promise<void>;
  claim(owner: string, limit?: number, fields?: Partial<ClaimRequest>, store?: ExecutionStore): Promise<readonly ClaimedExecution[]>;
  /** Starts one and claims it. */
  running(id: string, owner?: string, fields?: Partial<NewExecution>): Promise<ClaimedExecution>;
  settle(lease: ClaimedExecution, outcome?: SettleOutcome, store?: ExecutionStore): Promise<SettleReport>;
  read(id: string): Promise<StoredExecution>;
  cancel(id: string, token?: string, reason?: string): Promise<unknown>;
  signal(id: string, token: string, body?: string): Promise<unknown>;
}

export function newExecution(id: string, fields: Partial<NewExecution> = {}): NewExecution {
  return {
    id,
    startToken: `start-${id}`,
    input: JSON.stringify({ id }),
    priority: 0,
    tags: [],
    maxAttempts: 3,
    maxTakeovers: 2,
    delayMs: 0,
    machineId: "machine",
    ...fields,
  };
}

let claims = 0;

export function storeFixture(world: StoreWorld): StoreFixture {
  const { store } = world;
  const fixture: StoreFixture = {
    ...world,
    second: () => world.openSecond(),
    async start(id, fields) {
      const [report] = await store.insert({ name, executions: [newExecution(id, fields)] });
      assert.equal(report?.inserted, true, `${id} was not inserted`);
    },
    async claim(owner, limit = 10, fields = {}, from = store) {
      claims += 1;
      const report = await from.claim({
        name,
        owner,
        claimId: `claim-${claims}`,
        limit,
        leaseMs,
        machineId: "machine",
        versions: "any",
        ...fields,
      });
      return report.executions;
    },
    async running(id, owner = "w1", fields = {}) {
      await fixture.start(id, fields);
      const [claimed] = await fixture.claim(owner, 1, { ids: [id] });
      assert.ok(claimed, `${id} was not claimed`);
      return claimed;
    },
    async settle({ id, owner, fence }, outcome = { type: "complete", result: '"done"' }, to = store) {
      const [report] = await to.settle({ name, owner, settlements: [{ id, fence, outcome }] });
      return report as SettleReport;
    },
    async read(id) {
      const [record] = await store.get(name, [id]);
      assert.ok(record, `${id} has no record`);
      return record;
    },
    cancel: async (id, token = `cancel-${id}`, reason) =>
      (await store.requestCancel({ name, cancels: [{ id, token, ...(reason !== undefined && { reason }) }] }))[0],
    signal: async (id, token, body = `"${token}"`) => (await store.appendSignals({ name, signals: [{ id, token, body }] }))[0],
  };
  return fixture;
}

export const ids = (records: readonly { readonly id: string }[]): string[] => records.map(({ id }) => id);

/** Tests of one kind: names and bodies that get a fixture. */
export type StoreCases = Readonly<Record<string, (fixture: StoreFixture) => Promise<void>>>;
