import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createKafkaQueue } from "../../src/adapters/kafka/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { describeWithKafka, type KafkaServer, startKafka } from "../support/kafka-server.ts";
import { DurableWorld } from "./durable-world.ts";

let server: KafkaServer;
let folder: string;
let world: DurableWorld;
let queues: ExecutionQueue[];
let prefixes = 0;

beforeAll(async () => {
  server = await startKafka(2);
}, 30_000);
afterAll(() => server?.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "actorfleet-kafka-queue-"));
  world = new DurableWorld(() => createSqliteStore({ filename: join(folder, "executions.db") }));
  queues = [];
  prefixes += 1;
});
afterEach(async () => {
  await world.close();
  await Promise.all(queues.map((queue) => queue.close()));
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

/** As each process has its own. */
function queue(): ExecutionQueue {
  const made = createKafkaQueue({ brokers: server.brokers, namePrefix: `q${prefixes}`, topics: "auto", sessionTimeoutMs: 6_000 });
  queues.push(made);
  return made;
}

describeWithKafka("a durable coordinator with a Kafka queue", () => {
  test("executions end once each, though a worker joins and another leaves in the middle", async () => {
    const runs = new Map<number, number>();
    const running = new Set<string>();
    const orchestrator = (worker: string) => async (n: number) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      running.add(worker);
      return n + 1;
    };
    const client = world.client({ orchestrator: orchestrator("client"), queue: queue() });
    const first = world.worker({ orchestrator: orchestrator("first"), queue: queue(), maxConcurrent: 5, pollMs: 60_000 });
    const ids: string[] = [];
    const startSome = async () => {
      const from = ids.length;
      const some = Array.from({ length: 100 }, (_, index) => ({ input: from + index, options: { group: `g${index % 10}` } }));
      ids.push(...(await client.startMany(some)));
    };
    await startSome();
    await expect.poll(() => runs.size, { timeout: 30_000 }).toBeGreaterThanOrEqual(50);
    world.worker({ orchestrator: orchestrator("second"), queue: queue(), maxConcurrent: 5, pollMs: 60_000 });
    // However long the brokers take to give it its part.
    while (!running.has("second")) {
      await startSome();
      await Promise.all(ids.map((id) => client.waitFor(id)));
    }
    await startSome();
    await first.close({ mode: "release" });
    await startSome();
    expect(await Promise.all(ids.map((id) => client.waitFor(id)))).toEqual(ids.map((_, n) => n + 1));
    expect([...runs.values()]).toEqual(ids.map(() => 1));
    expect([running.has("client"), await client.counts()]).toMatchObject([false, { completed: ids.length, total: ids.length }]);
  }, 60_000);

  test("a delayed start, which Kafka cannot hold back, begins when it is due", async () => {
    const startedAt: number[] = [];
    const orchestrator = async () => void startedAt.push(Date.now());
    const client = world.client({ orchestrator, queue: queue() });
    world.worker({ orchestrator, queue: queue() });
    const before = Date.now();
    await client.waitFor(await client.start(null, { delayMs: 1_000 }));
    expect((startedAt[0] as number) - before).toBeGreaterThanOrEqual(990);
    expect(startedAt).toHaveLength(1);
  }, 30_000);

  test("priorities, which Kafka does not know, are kept", async () => {
    const order: string[] = [];
    const orchestrator = async (name: string) => void order.push(name);
    const client = world.client({ orchestrator, queue: queue() });
    const ids = [await client.start("low"), await client.start("high", { priority: 5 }), await client.start("middle", { priority: 1 })];
    world.worker({ orchestrator, queue: queue(), maxConcurrent: 1 });
    await Promise.all(ids.map((id) => client.waitFor(id)));
    expect(order).toEqual(["high", "middle", "low"]);
  }, 30_000);
});
