import { createServiceBusQueue, createStorageQueue } from "../../src/adapters/azure/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";

const { AzureWebJobsStorage = "UseDevelopmentStorage=true", ServiceBusConnection, FLEET_FILE = "fleet.sqlite" } = process.env;

export const name = "reports";

// A file will do on one machine. Functions that run on many need a store that all of them reach, such as Postgres.
export const store = createSqliteStore({ filename: FLEET_FILE });

const storageQueue = createStorageQueue({ connectionString: AzureWebJobsStorage });

/** Messages go through Service Bus where there is one. */
export const queue = ServiceBusConnection ? createServiceBusQueue({ connectionString: ServiceBusConnection }) : storageQueue;

/** What cannot be read is kept on the storage queue `actorfleet-reports-aside`; Service Bus has its dead-letter queue for it. */
export const putAside = ({ body }: { body: string }, reason: string) => storageQueue.putAside({ name, raw: body, reason });
