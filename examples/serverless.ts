// A platform that lends half a second at a time: requests are accepted, and a job of two seconds is done in as many calls as it takes.

import { createMemoryQueue, createMemoryStore } from "../src/adapters/memory/index.ts";
import { createDurableCoordinator, type ExecutionScope } from "../src/index.ts";
import { createAcceptHandler, createProcessHandler, createStatusHandler } from "../src/serverless/index.ts";

const fleet = { name: "reports", store: createMemoryStore(), queue: createMemoryQueue() };

async function write({ title }: { title: string }, { restored, checkpoint }: ExecutionScope): Promise<string> {
  for (let chapter = Number(restored ?? 0) + 1; chapter <= 10; chapter++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await checkpoint(chapter);
  }
  return `${title}, 10 chapters`;
}

// Three functions, as they would be deployed. Each has its own process on a real platform.
const coordinator = createDurableCoordinator({ ...fleet, role: "client", orchestrator: write });
const accept = createAcceptHandler({ coordinator });
const status = createStatusHandler({ coordinator });
const handle = createProcessHandler({ ...fleet, orchestrator: write });

const body = JSON.stringify({ title: "Sales" });
const headers = { "content-type": "application/json" };
const accepted = await accept(new Request("https://example.org/reports", { method: "POST", body, headers }));
const { statusUrl } = (await accepted.json()) as { statusUrl: string };
console.log(accepted.status, new URL(statusUrl).pathname.replace(/[^/]+$/, "<id>"));

// The platform's part: a call for each message, cut off after 500 ms.
let calls = 0;
const { name, queue } = fleet;
const consumer = await queue.consume({ name, visibilityTimeoutMs: 5_000, maxInFlight: 1 }, async ({ raw, ack, nack }) => {
  calls += 1;
  const endsAt = performance.now() + 500;
  const { failed } = await handle([{ id: String(calls), body: raw }], { remainingMs: () => endsAt - performance.now() });
  await (failed.length === 0 ? ack() : nack());
});

let report: { status: string; result?: string };
do {
  await new Promise((resolve) => setTimeout(resolve, 50));
  report = (await (await status(new Request(statusUrl))).json()) as typeof report;
} while (report.status !== "completed");
console.log(report.result);
console.log(calls > 1 ? "in several calls" : "in one call");

await consumer.close();
await coordinator.close();
await queue.close();
