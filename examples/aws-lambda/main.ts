// Plays what AWS does around the functions, with emulators of DynamoDB and SQS: requests, batches of messages to calls of a second, a schedule.

import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, DeleteMessageCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { LambdaHttpEvent } from "../../src/serverless/index.ts";
import { startEmulators } from "./emulators.ts";

const emulators = await startEmulators();
const { SQS_ENDPOINT = "", DYNAMODB_ENDPOINT = "" } = Object.assign(process.env, emulators.environment);
const client = new SQSClient({ endpoint: SQS_ENDPOINT });
const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "actorfleet-reports" }));
const tables = new DynamoDBClient({ endpoint: DYNAMODB_ENDPOINT });
await tables.send(new CreateTableCommand(emulators.resourceOfTemplate("Executions") as CreateTableCommandInput));
const { accept, status, work, sweep } = await import("./functions.ts");

const request = (method: string, rawPath: string, body?: string): LambdaHttpEvent => ({
  ...{ rawPath, body, rawQueryString: "", isBase64Encoded: false, headers: { "content-type": "application/json" } },
  requestContext: { domainName: "reports.example.org", http: { method } },
});

const accepted = await accept(request("POST", "/reports", JSON.stringify({ title: "Sales" })));
const { id, statusUrl } = JSON.parse(accepted.body) as { id: string; statusUrl: string };
console.log(accepted.statusCode, statusUrl.replace(id, "<id>"));

let calls = 0;
let report: { status: string; result?: string };
do {
  const most = { MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 6 };
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, ...most }));
  if (Messages.length > 0) await call(Messages);
  report = JSON.parse((await status(request("GET", new URL(statusUrl).pathname))).body) as typeof report;
} while (report.status !== "completed");
console.log(report.result, calls > 1 ? "in several calls" : "in one call");
console.log("nobody:", (await status(request("GET", "/reports/nobody"))).statusCode);
console.log("sweep:", await sweep({}));
process.exit(); // The functions would live on, as on AWS.

async function call(messages: readonly Message[]): Promise<void> {
  calls += 1;
  const endsAt = performance.now() + 1_000;
  const Records = messages.map(({ MessageId = "", Body = "" }) => {
    return { messageId: MessageId, body: Body, attributes: { ApproximateReceiveCount: "1" } };
  });
  const { batchItemFailures } = await work({ Records }, { getRemainingTimeInMillis: () => endsAt - performance.now() });
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { MessageId = "", ReceiptHandle } of messages) {
    if (!failed.has(MessageId)) await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
