import type { APIGatewayProxyEventV2, APIGatewayProxyHandlerV2, Context, ScheduledHandler, SQSEvent, SQSHandler } from "aws-lambda";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryQueue, createMemoryStore, MemoryQueueData } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import type { ExecutionQueue } from "../../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import {
  createAcceptHandler,
  createProcessHandler,
  createStatusHandler,
  createSweepHandler,
  toLambdaHttpHandler,
  toLambdaScheduledHandler,
  toLambdaSqsHandler,
} from "../../../src/serverless/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

const name = "functions";

let clock: VirtualClock;
let messages: MemoryQueueData;
let fleet: { name: string; clock: VirtualClock; store: ExecutionStore; queue: ExecutionQueue };
let coordinator: DurableCoordinator<{ title: string }, string>;

beforeEach(() => {
  clock = new VirtualClock({ now: 1_000_000 });
  messages = new MemoryQueueData();
  fleet = { name, clock, store: createMemoryStore({ clock }), queue: createMemoryQueue({ clock, data: messages }) };
  coordinator = createDurableCoordinator({ ...fleet, role: "client", orchestrator: write });
});
afterEach(async () => {
  await coordinator.close();
  await fleet.queue.close();
  await fleet.store.close();
  expect(clock.pending).toBe(0);
});

/** Ten steps of a second, each saved. */
async function write({ title }: { title: string }, { restored, checkpoint }: ExecutionScope): Promise<string> {
  for (let chapter = Number(restored ?? 0) + 1; chapter <= 10; chapter++) {
    chapters.push(chapter);
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, 1_000));
    await checkpoint(chapter);
  }
  return `${title}, 10 chapters`;
}
let chapters: number[] = [];
beforeEach(() => {
  chapters = [];
});

/** As an HTTP API of API Gateway sends it. */
function httpEvent(method: string, rawPath: string, more: Partial<APIGatewayProxyEventV2> = {}): APIGatewayProxyEventV2 {
  return {
    version: "2.0",
    routeKey: `${method} /reports`,
    rawPath,
    rawQueryString: "",
    headers: {
      accept: "*/*",
      "content-type": "application/json",
      host: "elsewhere.example",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    },
    requestContext: {
      accountId: "123456789012",
      apiId: "a1b2c3",
      domainName: "a1b2c3.execute-api.eu-central-1.amazonaws.com",
      domainPrefix: "a1b2c3",
      http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "203.0.113.7", userAgent: "curl/8.5.0" },
      requestId: "JKJaXmPLvHcESHA=",
      routeKey: `${method} /reports`,
      stage: "$default",
      time: "25/Nov/2026:19:03:58 +0000",
      timeEpoch: 1_795_633_438_000,
    },
    isBase64Encoded: false,
    ...more,
  };
}

/** As the event source of a queue sends them. */
function sqsEvent(...bodies: string[]): SQSEvent {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `059f36b4-87a3-44ab-83d2-66197567000${index}`,
      receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
      body,
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "1795633438000",
        SenderId: "AIDAIENQZJOLO23YVJ4VO",
        ApproximateFirstReceiveTimestamp: "1795633438007",
      },
      messageAttributes: {},
      md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:actorfleet-functions",
      awsRegion: "eu-central-1",
    })),
  };
}

function contextOf(budgetMs: number): Context {
  const endsAt = clock.now() + budgetMs;
  return { functionName: "work", getRemainingTimeInMillis: () => endsAt - clock.now() } as Context;
}

async function whileTimePasses<Result>(call: Promise<Result>): Promise<Result> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  call.then(over, over);
  await clock.settle();
  while (!isOver && (await clock.runNext()));
  return call;
}

const accept = () => toLambdaHttpHandler(createAcceptHandler({ coordinator }));
const status = () => toLambdaHttpHandler(createStatusHandler({ coordinator }));
const posted = () =>
  messages.waiting
    .get(name)
    ?.splice(0)
    .map(({ raw }) => raw) ?? [];

test("the functions are what AWS's own types say", () => {
  const http = accept() satisfies (...event: Parameters<APIGatewayProxyHandlerV2>) => unknown;
  const work = toLambdaSqsHandler(async () => ({ failed: [], putAside: [] })) satisfies (...event: Parameters<SQSHandler>) => unknown;
  const sweep = toLambdaScheduledHandler(createSweepHandler(fleet)) satisfies (...event: Parameters<ScheduledHandler>) => unknown;
  expect([http, work, sweep].map((each) => typeof each)).toEqual(["function", "function", "function"]);
});

test("a posted megabyte is stored, its id is published in less than a kilobyte, and the answer says where to ask", async () => {
  const body = JSON.stringify({ title: "x".repeat(1_048_576) });
  const answer = await accept()(httpEvent("POST", "/prod/reports", { body, rawQueryString: "draft=1" }));
  expect(answer).toMatchObject({ statusCode: 202, isBase64Encoded: false });
  const { id, statusUrl } = JSON.parse(answer.body) as { id: string; statusUrl: string };
  // Not below the host that the caller has made up.
  expect(statusUrl).toBe(`https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod/reports/${id}`);
  expect(answer.headers).toMatchObject({ location: statusUrl, "content-type": "application/json" });
  const [message = ""] = posted();
  expect([message.length < 1_024, JSON.parse(message)]).toEqual([true, { name, executionId: id }]);

  const shown = await status()(httpEvent("GET", `/prod/reports/${id}`));
  expect(shown.statusCode).toBe(200);
  expect(JSON.parse(shown.body)).toMatchObject({ id, status: "queued" });
  const head = await status()(httpEvent("HEAD", `/prod/reports/${id}`, { body: "" }));
  expect([head.statusCode, head.body]).toEqual([200, ""]);
});

test("a body may come in base64, and what cannot be accepted is a problem document", async () => {
  const body = Buffer.from(JSON.stringify({ title: "Größe" })).toString("base64");
  const { statusCode, body: answer } = await accept()(httpEvent("POST", "/reports", { body, isBase64Encoded: true }));
  expect(statusCode).toBe(202);
  const { id } = JSON.parse(answer) as { id: string };
  expect((await coordinator.getStatus(id))?.status).toBe("queued");
  expect(JSON.parse((await fleet.store.get(name, [id]))[0]?.input ?? "")).toEqual({ title: "Größe" });

  const refused = await accept()(httpEvent("POST", "/reports", { body: "{ nothing" }));
  expect(refused).toMatchObject({ statusCode: 400, headers: { "content-type": "application/problem+json" }, isBase64Encoded: false });
  expect((await status()(httpEvent("GET", "/reports/nobody"))).statusCode).toBe(404);
  const odd = [httpEvent("TRACE", "/reports"), httpEvent("POST", "/reports", { body: "1", headers: { note: "łódź" } })];
  for (const event of odd) expect(await accept()(event)).toMatchObject({ statusCode: 400 });
});

test("cookies arrive and are set, and bytes stay bytes", async () => {
  const handle = toLambdaHttpHandler(async (request) => {
    const answer = new Response(Uint8Array.of(0, 255, 1), { headers: { "content-type": "image/png" } });
    for (const cookie of (request.headers.get("cookie") ?? "").split("; ")) answer.headers.append("set-cookie", cookie);
    return answer;
  });
  const answer = await handle(httpEvent("GET", "/picture", { cookies: ["a=1", "b=2"] }));
  expect(answer).toMatchObject({ cookies: ["a=1", "b=2"], body: "AP8B", isBase64Encoded: true });
  expect(answer.headers).not.toHaveProperty("set-cookie");
});

test("a call works off its messages in the time it has, and another one goes on where it stopped", async () => {
  const id = await coordinator.start({ title: "Sales" });
  const work = toLambdaSqsHandler(createProcessHandler({ ...fleet, orchestrator: write }));
  const [message = ""] = posted();
  let calls = 0;
  for (let next: string | undefined = message; next !== undefined; [next] = posted()) {
    calls += 1;
    // What is given back is published anew, so SQS has nothing to deliver again.
    expect(await whileTimePasses(work(sqsEvent(next), contextOf(4_500)))).toEqual({ batchItemFailures: [] });
  }
  expect(await coordinator.getStatus(id)).toMatchObject({ status: "completed", takeovers: 0 });
  expect(calls).toBeGreaterThan(1);
  expect(chapters).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  // The same message again does nothing more.
  expect(await whileTimePasses(work(sqsEvent(message, message), contextOf(4_500)))).toEqual({ batchItemFailures: [] });
  expect(chapters).toHaveLength(10);
});

test("what failed of a batch is named, the rest is done", async () => {
  const errors: unknown[] = [];
  const orchestrator = async ({ title }: { title: string }) => {
    if (title === "bad") throw new Error("no paper");
    return title;
  };
  const [good, bad] = await coordinator.startMany([{ input: { title: "good" } }, { input: { title: "bad" } }]);
  const work = toLambdaSqsHandler(createProcessHandler({ ...fleet, orchestrator, onError: (error) => void errors.push(error) }));
  const event = sqsEvent("no json {", ...posted());
  const { batchItemFailures } = await whileTimePasses(work(event, contextOf(30_000)));
  // A failed execution is stored as failed: its message is done with. What cannot be read goes the way of the queue's own redrive policy.
  expect(batchItemFailures).toEqual([{ itemIdentifier: event.Records[0]?.messageId }]);
  expect(errors).toHaveLength(1);
  expect(await coordinator.getStatus(good as string)).toMatchObject({ status: "completed" });
  expect(await coordinator.getStatus(bad as string)).toMatchObject({ status: "failed", error: { message: "no paper" } });
});

test("messages that cannot be read are put aside where the handler says", async () => {
  const aside: unknown[] = [];
  const putAside = async ({ body, deliveryCount }: { body: string; deliveryCount?: number }) => void aside.push([body, deliveryCount]);
  const work = toLambdaSqsHandler(createProcessHandler({ ...fleet, orchestrator: write, putAside }));
  expect(await whileTimePasses(work(sqsEvent("no json {"), contextOf(30_000)))).toEqual({ batchItemFailures: [] });
  expect(aside).toEqual([["no json {", 1]]);
});

test("a schedule publishes what became due and takes back what a call that was cut off had in hand", async () => {
  const id = await coordinator.start({ title: "later" }, { delayMs: 60_000 });
  posted();
  const sweep = toLambdaScheduledHandler(createSweepHandler(fleet));
  expect(await sweep({ "detail-type": "Scheduled Event" })).toMatchObject({ due: 0, published: 0 });
  await clock.advance(61_000);
  posted();
  expect(await sweep({ "detail-type": "Scheduled Event" })).toMatchObject({ due: 1, published: 1 });
  expect(posted()).toHaveLength(1);

  const [record] = await fleet.store.get(name, [id]);
  const claim = { name, owner: "cut off", claimId: "c", limit: 1, leaseMs: 5_000, versions: "any" } as const;
  await fleet.store.claim({ ...claim, machineId: record?.machineId ?? "" });
  await clock.advance(6_000);
  expect(await sweep({ "detail-type": "Scheduled Event" })).toMatchObject({ takenOver: 1 });
  expect(posted()).toHaveLength(1);
});
