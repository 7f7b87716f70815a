import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createSqsQueue } from "../../src/adapters/aws/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { type SqsServer, startSqs } from "../support/sqs-server.ts";
import { DurableWorld } from "./durable-world.ts";

let server: SqsServer;
let folder: string;
let world: DurableWorld;
let queues: ExecutionQueue[];
let tests = 0;

beforeAll(async () => {
  server = await startSqs();
}, 60_000);
afterAll(() => server?.remove(), 60_000);
beforeEach(() => {
  tests += 1;
  queues = [];
  folder = mkdtempSync(join(tmpdir(), "actorfleet-sqs-store-"));
  world = new DurableWorld(() => createSqliteStore({ filename: join(folder, "executions.sqlite") }));
});
afterEach(async () => {
  await world.close();
  await Promise.all(queues.map((queue) => queue.close()));
  rmSync(folder, { recursive: true, force: true });
});

const namePrefix = () => `durable${tests}-`;

/** A connection of its own, as another process would have it. */
function queue(): ExecutionQueue {
  const opened = createSqsQueue({ ...server.access, namePrefix: namePrefix(), operationTimeoutMs: 2_000 });
  queues.push(opened);
  return opened;
}

/** How many messages are there, hidden ones included. */
async function messagesLeft(): Promise<number> {
  const client = new SQSClient(server.access);
  const QueueUrl = `${server.access.endpoint}/000000000000/${namePrefix()}test`;
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  client.destroy();
  const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, ApproximateNumberOfMessagesDelayed } = Attributes;
  return Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible) + Number(ApproximateNumberOfMessagesDelayed);
}

test("two coordinators run what a third one started, each execution once, and no message is left", async () => {
  const runs = new Map<number, number>();
  const orchestrator = async (n: number, { checkpoint }: ExecutionScope) => {
    runs.set(n, (runs.get(n) ?? 0) + 1);
    await checkpoint(n);
    return n * 2;
  };
  const client = world.client({ orchestrator, queue: queue() });
  for (let count = 0; count < 2; count++) world.worker({ orchestrator, queue: queue(), maxConcurrent: 5 });
  const ids = await client.startMany(Array.from({ length: 100 }, (_, n) => ({ input: n, options: { group: `g${n % 3}` } })));
  const results = await Promise.all(ids.map((id) => client.waitFor(id)));
  expect(results).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
  expect([...runs.values()].every((times) => times === 1)).toBe(true);
  await expect.poll(messagesLeft, { timeout: 5_000 }).toBe(0);
}, 30_000);

test("work goes on while the service is dead, and messages carry it again when it is back", async () => {
  const orchestrator = async (n: number) => n + 1;
  const client = world.client({ orchestrator, queue: queue() });
  for (let count = 0; count < 2; count++) world.worker({ orchestrator, queue: queue(), maxConcurrent: 5, pollMs: 100, leaseMs: 3_000 });
  const results: number[] = [];
  for (let round = 0; round < 10; round++) {
    if (round === 3) await server.crash();
    if (round === 7) await server.start();
    const ids = await client.startMany(Array.from({ length: 10 }, (_, n) => ({ input: round * 10 + n })));
    results.push(...(await Promise.all(ids.map((id) => client.waitFor(id)))));
  }
  expect(results).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  expect(await client.counts()).toMatchObject({ completed: 100, total: 100 });
  await expect.poll(messagesLeft, { timeout: 20_000 }).toBe(0);
}, 60_000);
