import { createServiceBusQueue, createStorageQueue, createTableStore } from "../../src/adapters/azure/index.ts";

const { AzureWebJobsStorage = "UseDevelopmentStorage=true", ServiceBusConnection } = process.env;

export const name = "reports";

export const store = createTableStore({ connectionString: AzureWebJobsStorage, table: "reports" });

const storageQueue = createStorageQueue({ connectionString: AzureWebJobsStorage });

/** Messages go through Service Bus where there is one. */
export const queue = ServiceBusConnection ? createServiceBusQueue({ connectionString: ServiceBusConnection }) : storageQueue;

/** What cannot be read is kept on the storage queue `actorfleet-reports-aside`; Service Bus has its dead-letter queue for it. */
export const putAside = ({ body }: { body: string }, reason: string) => storageQueue.putAside({ name, raw: body, reason });
