import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assign, setup } from "xstate";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, type ExecutionStore, NonRetryableError } from "../../src/index.ts";

/** A folder of its own with a SQLite file in it. */
export interface SampleStore {
  readonly folder: string;
  readonly filename: string;
  /** As `--store` takes it. */
  readonly place: string;
  remove(): void;
}

export function sampleFolder(): SampleStore {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-cli-"));
  const filename = join(folder, "sample.sqlite");
  return { folder, filename, place: `sqlite:${filename}`, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const approvalMachine = setup({
  types: { input: {} as string, context: {} as { what: string; by: string }, output: {} as { by: string } },
}).createMachine({
  id: "approval",
  context: ({ input }) => ({ what: input, by: "nobody" }),
  initial: "asking",
  states: {
    asking: {
      tags: "waiting",
      on: { approve: { target: "ended", actions: assign({ by: ({ event }) => String((event as { by?: unknown }).by) }) } },
    },
    ended: { type: "final" },
  },
  output: ({ context }) => ({ by: context.by }),
});

/** Does `work` with a worker of approvals. */
async function withApprovals(store: ExecutionStore, work: (coordinator: ReturnType<typeof openApprovals>) => Promise<void>): Promise<void> {
  const coordinator = openApprovals(store);
  await work(coordinator);
  await coordinator.close();
}

function openApprovals(store: ExecutionStore) {
  return createDurableCoordinator({ name: "approvals", store, orchestrator: approvalMachine });
}

/** Two approvals that wait: `laptop` and `yacht`. */
export async function addApprovals(filename: string): Promise<void> {
  const store = createSqliteStore({ filename });
  await withApprovals(store, async (coordinator) => {
    const events = coordinator.events();
    await coordinator.startMany([
      { input: "a laptop", options: { id: "laptop", group: "office", tags: ["small"] } },
      { input: "a yacht", options: { id: "yacht" } },
    ]);
    let waiting = 0;
    for await (const { type } of events) if (type === "execution.waiting" && ++waiting === 2) break;
    // Put down: only then does no worker hold them.
    while ((await store.counts({ name: "approvals" })).parked < 2) await new Promise((resolve) => setImmediate(resolve));
  });
  await store.close();
}

/** Runs what there is to do for approvals until `id` has ended. */
export async function goOnWithApprovals(filename: string, id: string): Promise<unknown> {
  const store = createSqliteStore({ filename });
  let result: unknown;
  await withApprovals(store, async (coordinator) => {
    result = await coordinator.waitFor(id);
  });
  await store.close();
  return result;
}

/** Functions that have ended in every way, and one that is queued: nobody works on them any more. */
export async function addReports(filename: string, name = "reports"): Promise<void> {
  const store = createSqliteStore({ filename });
  const worker = createDurableCoordinator({
    name,
    store,
    orchestrator: async (title: string) => {
      if (title === "bad") throw new NonRetryableError("this report\u001b[31m cannot be written");
      return { title, pages: 12 };
    },
  });
  await worker.startMany([
    { input: "good", options: { id: "good" } },
    { input: "bad", options: { id: "bad" } },
  ]);
  await Promise.allSettled(["good", "bad"].map((id) => worker.waitFor(id)));
  await worker.close();
  const client = createDurableCoordinator({ name, store, role: "client", orchestrator: async (_: string) => ({}) });
  await client.start("later", { id: "later", delayMs: 3_600_000 });
  await client.start("next", { id: "next" });
  await client.close();
  await store.close();
}
