// The functions of a fleet on Azure: `app.*` tells the Functions host of them. See host.json and local.settings.example.json.

import { app } from "@azure/functions";
import { toServiceBusQueueName, toStorageQueueName } from "../../src/adapters/azure/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import {
  createAcceptHandler,
  createProcessHandler,
  createStatusHandler,
  createSweepHandler,
  toAzureHttpFunction,
  toAzureQueueFunction,
  toAzureServiceBusFunction,
} from "../../src/serverless/index.ts";
import { name, putAside, queue, store } from "./fleet.ts";
import { writeReport } from "./report.ts";

const coordinator = createDurableCoordinator({ name, store, queue, role: "client", orchestrator: writeReport });
const functionTimeoutMs = 5 * 60_000; // the functionTimeout of host.json

app.http("accept", { methods: ["POST"], route: "reports", handler: toAzureHttpFunction(createAcceptHandler({ coordinator })) });
app.http("status", { methods: ["GET"], route: "reports/{id}", handler: toAzureHttpFunction(createStatusHandler({ coordinator })) });

if (process.env.ServiceBusConnection) {
  // Without putAside what cannot be read fails, and Service Bus dead-letters it.
  const handle = createProcessHandler({ name, store, queue, orchestrator: writeReport });
  app.serviceBusQueue("process", {
    connection: "ServiceBusConnection",
    queueName: toServiceBusQueueName(name),
    handler: toAzureServiceBusFunction(handle, { functionTimeoutMs }),
  });
} else {
  const handle = createProcessHandler({ name, store, queue, orchestrator: writeReport, putAside });
  app.storageQueue("process", {
    connection: "AzureWebJobsStorage",
    queueName: toStorageQueueName(name),
    handler: toAzureQueueFunction(handle, { functionTimeoutMs }),
  });
}

const sweep = createSweepHandler({ name, store, queue });
app.timer("sweep", {
  schedule: "0 * * * * *",
  handler: async () => {
    await sweep();
  },
});
