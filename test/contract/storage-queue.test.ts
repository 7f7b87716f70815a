import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createStorageQueue, type StorageQueueOptions, toStorageQueueName } from "../../src/adapters/azure/index.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { Delivery, ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { type Azurite, startAzurite } from "../support/azurite.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { runOverQueue } from "../support/run-over-queue.ts";

let azurite: Azurite;
let worlds = 0;
/** Twenty messages are settled in it, one after the other, on a machine that has much else to do. */
const visibilityTimeoutMs = 2_000;

beforeAll(async () => {
  azurite = await startAzurite();
}, 60_000);
afterAll(() => azurite?.remove(), 20_000);

/** Each with queues of its own. */
function nextPrefix(): string {
  worlds += 1;
  return `w${worlds}-`;
}

describe("storage queue", () => {
  const contract = executionQueueContract(async () => {
    const namePrefix = nextPrefix();
    const opened: ExecutionQueue[] = [];
    const open = () => {
      const queue = createStorageQueue({ connectionString: azurite.connectionString, namePrefix, minPollMs: 20, maxPollMs: 100 });
      opened.push(queue);
      return queue;
    };
    return {
      queue: open(),
      visibilityTimeoutMs,
      openSecond: async () => open(),
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms === 0 ? 5 : ms)),
      async publishRaw(name, raw) {
        const queue = QueueServiceClient.fromConnectionString(azurite.connectionString).getQueueClient(
          toStorageQueueName(name, namePrefix),
        );
        await queue.createIfNotExists();
        await queue.sendMessage(raw);
      },
      async close() {
        for (const queue of opened) await queue.close();
      },
    };
  });
  contractAtOnce(contract);
});

describe("storage queue, in trouble", () => {
  const name = "contract";
  let opened: ExecutionQueue[] = [];

  afterEach(async () => {
    for (const queue of opened) await queue.close();
    opened = [];
  });

  const open = (namePrefix: string, options: StorageQueueOptions = {}) => {
    const from = options.client === undefined ? { connectionString: azurite.connectionString } : {};
    const queue = createStorageQueue({ ...from, namePrefix, minPollMs: 20, maxPollMs: 100, operationTimeoutMs: 5_000, ...options });
    opened.push(queue);
    return queue;
  };
  const message = (executionId: string) => ({ name, executionId });
  const consume = async (queue: ExecutionQueue, handle: (delivery: Delivery) => void = () => {}) => {
    const got: Delivery[] = [];
    await queue.consume({ name, visibilityTimeoutMs: 30_000, maxInFlight: 10 }, (delivery) => {
      got.push(delivery);
      handle(delivery);
    });
    return got;
  };
  const count = (got: readonly unknown[], number: number) => expect.poll(() => got.length, { timeout: 10_000, interval: 5 }).toBe(number);
  const service = () => QueueServiceClient.fromConnectionString(azurite.connectionString);

  it("two coordinators run 100 executions, each once", async () => {
    const prefix = nextPrefix();
    const { runs, completed } = await runOverQueue(() => open(prefix), { count: 100, pollMs: 5_000 });
    expect([completed, runs.every((times) => times === 1)]).toEqual([100, true]);
  }, 40_000);

  it("as text, messages may have any character, and may be read by either encoding", async () => {
    const prefix = nextPrefix();
    const ids = ["<&>\u0001", "\uffff", "\ud800", "Zürich 🎈"];
    await open(prefix, { encoding: "text" }).publish(ids.map(message));
    const got = await consume(open(prefix));
    await count(got, 4);
    expect(got.map((delivery) => delivery.message?.executionId).sort()).toEqual([...ids].sort());
  });

  it("what is too large is reported, and the others are taken", async () => {
    const reports = await open(nextPrefix()).publish([message("a"), message("x".repeat(50_000)), message("b")]);
    expect(reports.map((report) => report.published || report.reason)).toEqual([true, "tooLarge", true]);
  });

  it("calls about one message follow one another: an extension and its end at once", async () => {
    const queue = open(nextPrefix());
    const got = await consume(queue);
    await queue.publish([message("a")]);
    await count(got, 1);
    const [extended] = await Promise.all([got[0]?.extend(60_000), got[0]?.ack()]);
    expect(extended).toBe(false);
    await queue.publish([message("b")]);
    await count(got, 2);
    expect(await got[1]?.extend(60_000)).toBe(true);
    await got[1]?.ack();
  });

  it("whose message somebody else has deleted settles nothing", async () => {
    const prefix = nextPrefix();
    const queue = open(prefix);
    const got = await consume(queue);
    await queue.publish([message("a"), message("b")]);
    await count(got, 2);
    await service().getQueueClient(toStorageQueueName(name, prefix)).clearMessages();
    expect(await got[0]?.extend(1_000)).toBe(false);
    await got[1]?.ack();
    await got[1]?.nack();
  });

  it("a queue that was deleted is there again", async () => {
    const prefix = nextPrefix();
    const queue = open(prefix);
    const got = await consume(queue);
    await service().getQueueClient(toStorageQueueName(name, prefix)).delete();
    await expect.poll(async () => (await queue.publish([message("a")]))[0]?.published, { timeout: 5_000 }).toBe(true);
    await expect.poll(() => got.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(1);
  });

  it("a server that stands still, or is gone, holds up no call and no close", async () => {
    const prefix = nextPrefix();
    const errors: unknown[] = [];
    const queue = open(prefix, { operationTimeoutMs: 500, onError: (error) => void errors.push(error) });
    const got = await consume(queue, (delivery) => void delivery.ack().catch(() => {}));
    azurite.freeze();
    expect(await queue.publish([message("a")])).toMatchObject([
      { published: false, reason: "unavailable", cause: expect.any(StoreUnavailableError) },
    ]);
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBeGreaterThan(0);
    azurite.thaw();
    await expect.poll(async () => (await queue.publish([message("b")]))[0]?.published, { timeout: 10_000 }).toBe(true);
    await expect.poll(() => got.map((delivery) => delivery.message?.executionId), { timeout: 10_000 }).toContain("b");
    await azurite.stop();
    expect(await queue.publish([message("c")])).toMatchObject([{ published: false, reason: "unavailable" }]);
    await expect(consume(open(nextPrefix(), { operationTimeoutMs: 500 }))).rejects.toThrow(StoreUnavailableError);
    expect(errors.filter((error) => !(error instanceof StoreUnavailableError))).toEqual([]);
    const startedAt = performance.now();
    await queue.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await azurite.start();
  }, 60_000);

  it("wrong options are refused", () => {
    expect(() => createStorageQueue({})).toThrow("connectionString");
    expect(() => open("A-")).toThrow("namePrefix");
    expect(() => open("a", { minPollMs: 10, maxPollMs: 5 })).toThrow("maxPollMs");
    expect(() => open("a", { encoding: "xml" } as never)).toThrow("encoding");
    expect(() => open("a", { client: {} as never })).toThrow("client");
  });
});
