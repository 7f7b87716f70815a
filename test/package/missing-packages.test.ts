import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const adapters = new URL("../../src/adapters/", import.meta.url);

/** Each optional package, the entry that needs it, and the first call that does. */
const cases: readonly [packageName: string, entry: string, call: string][] = [
  ["pg", "postgres", 'createPostgresStore({ connectionString: "postgres://nowhere" }).get("a", ["b"])'],
  ["ioredis", "redis", 'createRedisStore({ url: "redis://nowhere" }).get("a", ["b"])'],
  ["ioredis", "redis", 'createRedisQueue({ url: "redis://nowhere" }).publish([{ name: "a", executionId: "b" }])'],
  ["bullmq", "redis", 'createRedisQueue({ url: "redis://nowhere" }).publish([{ name: "a", executionId: "b" }])'],
  ["rabbitmq-client", "rabbitmq", 'createRabbitmqQueue({ url: "amqp://nowhere" }).publish([{ name: "a", executionId: "b" }])'],
  ["@platformatic/kafka", "kafka", 'createKafkaQueue({ brokers: "nowhere:9092" }).publish([{ name: "a", executionId: "b" }])'],
  ["@aws-sdk/client-sqs", "aws", 'createSqsQueue().publish([{ name: "a", executionId: "b" }])'],
  ["@aws-sdk/client-dynamodb", "aws", 'createDynamodbStore().get("a", ["b"])'],
  ["@azure/service-bus", "azure", 'createServiceBusQueue({ connectionString: "nowhere" }).publish([{ name: "a", executionId: "b" }])'],
  ["@azure/storage-queue", "azure", 'createStorageQueue({ connectionString: "nowhere" }).publish([{ name: "a", executionId: "b" }])'],
  ["@azure/data-tables", "azure", 'createTableStore({ connectionString: "nowhere" }).get("a", ["b"])'],
];

test.each(cases)(
  "without %s, actorfleet/%s can be imported, and says what to install when it is used by %s",
  (packageName, entry, call) => {
    const program = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === ${JSON.stringify(packageName)}) throw Object.assign(new Error("not installed"), { code: "ERR_MODULE_NOT_FOUND" });
        return next(specifier, context);
      },
    });
    const adapter = await import(${JSON.stringify(new URL(`${entry}/index.ts`, adapters).href)});
    try {
      const { ${call.slice(0, call.indexOf("("))} } = adapter;
      await ${call};
    } catch ({ code, message }) {
      console.log(code, message);
    }`;
    const args = ["--no-warnings", "--input-type=module", "-e", program];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: fileURLToPath(adapters) });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^MISSING_DEPENDENCY /);
    expect(stdout).toContain(`Run: npm install ${packageName}\n`);
  },
);
