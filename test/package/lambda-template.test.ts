import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Format } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { tableDefinition } from "../../src/adapters/aws/dynamodb-schema.ts";
import { sqsNames } from "../../src/adapters/aws/sqs-queue-names.ts";

interface LambdaFunction {
  readonly Type: string;
  readonly Properties: {
    readonly Handler: string;
    readonly Timeout?: number;
    readonly Policies?: readonly { readonly Ref: string }[];
    readonly Events: Readonly<Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>>;
  };
  readonly Metadata: {
    readonly BuildProperties: { readonly EntryPoints: readonly string[]; readonly Format: Format; readonly Target: string };
  };
}
interface SqsQueue {
  readonly Type: string;
  readonly Properties: {
    readonly QueueName: string;
    readonly VisibilityTimeout?: number;
    readonly RedrivePolicy?: { readonly deadLetterTargetArn: unknown; readonly maxReceiveCount: number };
  };
}
interface Policy {
  readonly Type: string;
  readonly Properties: { readonly PolicyDocument: { readonly Statement: readonly { readonly Action: readonly string[] }[] } };
}

const example = fileURLToPath(new URL("../../examples/aws-lambda/", import.meta.url));
const text = readFileSync(join(example, "template.yaml"), "utf8");
const { Globals, Resources } = parse(text) as {
  Globals: { Function: { Timeout: number } };
  Resources: Readonly<Record<string, LambdaFunction | SqsQueue | Policy>>;
};
const ofType = <Resource>(type: string) => Object.values(Resources).filter((resource) => resource.Type === type) as Resource[];
const functions = ofType<LambdaFunction>("AWS::Serverless::Function");
const events = functions.flatMap(({ Properties }) => Object.values(Properties.Events).map((event) => ({ ...event, of: Properties })));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "actorfleet-lambda-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("each function of the template is one that is there when it is built as the template says, and each is used", async () => {
  const [{ BuildProperties } = { BuildProperties: undefined }, ...others] = functions.map(({ Metadata }) => Metadata);
  for (const other of others) expect(other.BuildProperties).toEqual(BuildProperties);
  const { EntryPoints = [], Format = "esm", Target = "" } = BuildProperties ?? {};
  const outfile = join(folder, "functions.js");
  const entryPoints = EntryPoints.map((file) => join(example, file));
  await build({ entryPoints, outfile, format: Format, target: Target, bundle: true, minify: true, platform: "node", logLevel: "silent" });
  const program = `console.log(JSON.stringify(Object.entries(require(${JSON.stringify(outfile)})).map(([name, value]) => [name, typeof value])));process.exit()`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--no-warnings", "-e", program], { encoding: "utf8", cwd: folder });
  expect(stderr).toBe("");
  const exported = new Map(JSON.parse(stdout) as [string, string][]);
  expect(new Set(exported.values())).toEqual(new Set(["function"]));
  expect(functions.map(({ Properties }) => Properties.Handler).sort()).toEqual(
    [...exported.keys()].map((name) => `functions.${name}`).sort(),
  );
}, 60_000);

test("the queues have the names that createSqsQueue gives them, and messages that fail again and again are put aside", () => {
  const queues = ofType<SqsQueue>("AWS::SQS::Queue").map(({ Properties }) => Properties);
  const names = sqsNames("actorfleet-", { fifo: false });
  expect(queues.map(({ QueueName }) => QueueName)).toEqual([names.queueOf("reports"), names.asideOf("reports")]);
  expect(queues[0]?.RedrivePolicy).toMatchObject({ deadLetterTargetArn: { "Fn::GetAtt": ["Aside", "Arn"] } });
});

test("the event source of the queue expects partial responses, and hides messages for six calls", () => {
  const [batches, ...others] = events.filter(({ Type }) => Type === "SQS");
  expect(others).toEqual([]);
  expect(batches?.Properties).toMatchObject({
    Queue: { "Fn::GetAtt": ["Messages", "Arn"] },
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  });
  expect(batches?.of.Handler).toBe("functions.work");
  const { Properties } = Resources.Messages as SqsQueue;
  expect(Properties.VisibilityTimeout).toBe(6 * (batches?.of.Timeout ?? Globals.Function.Timeout));
});

test("the table is the one that createDynamodbStore makes", () => {
  const [{ Properties: table } = { Properties: undefined }] = ofType<{ Properties: { TableName: string } }>("AWS::DynamoDB::Table");
  expect(table).toEqual(tableDefinition(table?.TableName ?? ""));
  expect(readFileSync(join(example, "fleet.ts"), "utf8")).toContain(`table: "${table?.TableName}"`);
});

test("the functions may do what the store and the queue ask of AWS, and no more", () => {
  const policies = Object.entries(Resources).filter(([, { Type }]) => Type === "AWS::IAM::ManagedPolicy") as [string, Policy][];
  const actionsOf = (name: string) => policies.find(([each]) => each === name)?.[1].Properties.PolicyDocument.Statement[0]?.Action ?? [];
  const folder = fileURLToPath(new URL("../../src/adapters/aws/", import.meta.url));
  const sources = readdirSync(folder).filter((file) => file.startsWith("dynamodb-"));
  const code = sources.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  const asked = new Set([...code.matchAll(/sdk\.(\w+)Command\(/g)].map(([, command]) => `dynamodb:${command}`));
  // The template makes the table.
  asked.delete("dynamodb:CreateTable");
  expect([...actionsOf("Stores")].sort()).toEqual([...asked].sort());
  // Of a queue that the template makes, too; a batch is permitted as its messages are, and the event source removes them.
  expect(actionsOf("Publishes")).toEqual(["sqs:GetQueueUrl", "sqs:SendMessage"]);
  const granted = functions.map(({ Properties }) => [Properties.Handler, ...(Properties.Policies ?? []).map(({ Ref }) => Ref)]);
  expect(granted).toEqual([
    ["functions.accept", "Stores", "Publishes"],
    ["functions.status", "Stores"],
    ["functions.work", "Stores", "Publishes"],
    ["functions.sweep", "Stores", "Publishes"],
  ]);
});

test("requests and the schedule reach their functions", () => {
  const routes = events.filter(({ Type }) => Type === "HttpApi").map(({ of, Properties }) => [of.Handler, Properties]);
  expect(routes).toEqual([
    ["functions.accept", { Method: "post", Path: "/reports" }],
    ["functions.status", { Method: "get", Path: "/reports/{id}" }],
  ]);
  expect(events.find(({ Type }) => Type === "Schedule")?.of.Handler).toBe("functions.sweep");
});

test("nothing in the template is an alias, which CloudFormation does not know", () => {
  expect(text).not.toMatch(/[:[,] *[&*]\w/);
});
