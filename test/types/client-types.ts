// Checked by the compiler alone: clients of the SDKs are taken as they are, without a cast.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { TableClient } from "@azure/data-tables";
import type { HttpRequest, InvocationContext } from "@azure/functions";
import { ServiceBusClient } from "@azure/service-bus";
import { QueueServiceClient } from "@azure/storage-queue";
import type { APIGatewayProxyEventV2, Context, SQSEvent, SQSHandler } from "aws-lambda";
import { Cluster, Redis } from "ioredis";
import { createDynamodbStore, createSqsQueue } from "../../src/adapters/aws/index.ts";
import { createServiceBusQueue, createStorageQueue, createTableStore } from "../../src/adapters/azure/index.ts";
import { createKafkaQueue } from "../../src/adapters/kafka/index.ts";
import { createRabbitmqQueue } from "../../src/adapters/rabbitmq/index.ts";
import { createRedisBackend, createRedisQueue, createRedisStore } from "../../src/adapters/redis/index.ts";
import type { ExecutionQueue, ExecutionStore } from "../../src/index.ts";
import {
  createProcessHandler,
  toAzureHttpFunction,
  toAzureQueueFunction,
  toAzureServiceBusFunction,
  toLambdaHttpHandler,
  toLambdaSqsHandler,
} from "../../src/serverless/index.ts";

type IsAny<Type> = 0 extends 1 & Type ? true : false;
type AnyOption<Options> = { [Key in keyof Options]-?: IsAny<Options[Key]> }[keyof Options];
const holds = <Claim extends true>(): Claim | undefined => undefined;

export function clients(connectionString: string): (ExecutionQueue | ExecutionStore)[] {
  const redis = new Redis({ maxRetriesPerRequest: null });
  const cluster = new Cluster([{ host: "localhost", port: 6379 }]);
  return [
    createRedisStore({ client: redis }),
    createRedisQueue({ client: redis }),
    createRedisStore({ client: cluster }),
    createRedisQueue({ client: cluster }),
    createRedisBackend({ client: redis }).store,
    createServiceBusQueue({ client: new ServiceBusClient(connectionString) }),
    createStorageQueue({ client: QueueServiceClient.fromConnectionString(connectionString) }),
    createTableStore({ client: TableClient.fromConnectionString(connectionString, "executions") }),
    createSqsQueue({ client: new SQSClient({}) }),
    createDynamodbStore({ client: new DynamoDBClient({}) }),
    createKafkaQueue({ brokers: ["localhost:9092"], sasl: { mechanism: "OAUTHBEARER", token: async () => "token" } }),
    createRabbitmqQueue({ url: "amqp://localhost" }),
  ];
}

export function noOptionIsAny(): void {
  holds<AnyOption<Parameters<typeof createRedisStore>[0]> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createRedisQueue>[0]> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createServiceBusQueue>[0]> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createStorageQueue>[0]> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createTableStore>[0]> extends false ? true : false>();
  holds<AnyOption<NonNullable<Parameters<typeof createSqsQueue>[0]>> extends false ? true : false>();
  holds<AnyOption<NonNullable<Parameters<typeof createDynamodbStore>[0]>> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createKafkaQueue>[0]> extends false ? true : false>();
  holds<AnyOption<Parameters<typeof createRabbitmqQueue>[0]> extends false ? true : false>();
}

/** Functions of platforms are given what these hand them. */
export async function functions(store: ExecutionStore, queue: ExecutionQueue, context: Context): Promise<void> {
  const handle = createProcessHandler({ name: "reports", store, queue, orchestrator: async () => 1 });
  const work: SQSHandler = toLambdaSqsHandler(handle);
  void work;
  await toLambdaSqsHandler(handle)({ Records: [] } satisfies SQSEvent, context);
  const accept = toLambdaHttpHandler(async () => new Response());
  await accept({} as APIGatewayProxyEventV2);
  const request = {} as HttpRequest;
  const invocation = {} as InvocationContext;
  await toAzureHttpFunction(async () => new Response())(request);
  await toAzureQueueFunction(handle)({}, invocation);
  await toAzureServiceBusFunction(handle)([], invocation);
}
