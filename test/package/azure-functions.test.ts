import { readFileSync } from "node:fs";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toStorageQueueName } from "../../src/adapters/azure/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { type AzureFunctionsHost, startAzureFunctions } from "../support/azure-functions-host.ts";
import { type Azurite, startAzurite } from "../support/azurite.ts";

// examples/azure-functions, registered with a host of this test, on a storage account of its own.

let azurite: Azurite;
let host: AzureFunctionsHost;
let fleet: { queue: ExecutionQueue; store: ExecutionStore };

beforeAll(async () => {
  azurite = await startAzurite();
  process.env.AzureWebJobsStorage = azurite.connectionString;
  host = await startAzureFunctions(() => import("../../examples/azure-functions/functions.ts"));
  fleet = await import("../../examples/azure-functions/fleet.ts");
}, 60_000);
afterAll(async () => {
  await fleet?.queue.close();
  await fleet?.store.close();
  await azurite?.remove();
}, 20_000);

const queueOf = (name: string) => QueueServiceClient.fromConnectionString(azurite.connectionString).getQueueClient(name);
const url = "https://fleet.azurewebsites.net/api/reports";

/** What the host does for a queue trigger: takes a message, calls the function, and deletes what did not fail. */
async function deliver(): Promise<{ body: string; failed: unknown }> {
  const queue = queueOf(toStorageQueueName("reports"));
  const [message] = (await queue.receiveMessages({ visibilityTimeout: 30 })).receivedMessageItems;
  if (message === undefined) throw new Error("there is no message");
  const body = Buffer.from(message.messageText, "base64").toString();
  const metadata = { id: { string: message.messageId }, dequeueCount: { int: message.dequeueCount } };
  let failed: unknown;
  await host.functions
    .get("process")
    ?.invoke({ string: body }, metadata)
    .catch((error: unknown) => {
      failed = error;
    });
  if (failed === undefined) await queue.deleteMessage(message.messageId, message.popReceipt);
  return { body, failed };
}

it("registers an HTTP trigger to accept and one to tell, a queue's and a timer", () => {
  const bindings = [...host.functions].map(([name, { binding }]) => [
    name,
    binding.type,
    binding.route ?? binding.queueName ?? binding.schedule,
  ]);
  expect(bindings).toEqual([
    ["accept", "httpTrigger", "reports"],
    ["status", "httpTrigger", "reports/{id}"],
    ["process", "queueTrigger", "actorfleet-reports"],
    ["sweep", "timerTrigger", "0 * * * * *"],
  ]);
  const settings = JSON.parse(readFileSync(new URL("../../examples/azure-functions/host.json", import.meta.url), "utf8"));
  expect([settings.functionTimeout, settings.extensions.queues.messageEncoding]).toEqual(["00:05:00", "base64"]);
});

it("a request of 1 MiB is stored, told of in less than 1 KiB, worked off by a trigger, and its status is there to ask for", async () => {
  const headers = { "content-type": "application/json" };
  const title = "x".repeat(1_048_576);
  const accepted = await host.request("accept", { method: "POST", url, headers, body: JSON.stringify({ title }) });
  expect(accepted.status).toBe(202);
  const { id, statusUrl } = JSON.parse(String(accepted.body)) as { id: string; statusUrl: string };
  expect(statusUrl).toBe(`${url}/${id}`);
  const { body, failed } = await deliver();
  expect([JSON.parse(body), failed]).toEqual([{ name: "reports", executionId: id }, undefined]);
  expect(body.length).toBeLessThan(1_024);
  const status = await host.request("status", { method: "GET", url: statusUrl });
  expect(status.status).toBe(200);
  expect(JSON.parse(String(status.body))).toMatchObject({ id, status: "completed", result: `${title}, 5 chapters` });
  expect((await host.request("status", { method: "GET", url: `${url}/nobody` })).status).toBe(404);
});

it("a message that cannot be read is put aside", async () => {
  await queueOf(toStorageQueueName("reports")).sendMessage(Buffer.from("no message").toString("base64"));
  expect(await deliver()).toEqual({ body: "no message", failed: undefined });
  expect(await fleet.queue.listPutAside({ name: "reports" })).toEqual([{ raw: "no message", reason: "it cannot be read" }]);
});

it("the timer sweeps", async () => {
  const timer = { isPastDue: false, schedule: { adjustForDST: true }, scheduleStatus: { last: "", next: "", lastUpdated: "" } };
  await host.functions.get("sweep")?.invoke({ json: JSON.stringify(timer) });
  expect((await fleet.store.counts({ name: "reports" })).completed).toBe(1);
});
