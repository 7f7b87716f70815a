export type { TableClientLike, TableEntityLike, TableEntityPageLike } from "./azure-table-client.ts";
export { createTableStore, type TableStoreOptions } from "./azure-table-store.ts";
export { toServiceBusQueueName, toStorageQueueName } from "./queue-names.ts";
export type {
  ServiceBusBatchLike,
  ServiceBusClientLike,
  ServiceBusMessageLike,
  ServiceBusMessageReceiverLike,
  ServiceBusReceivedMessageLike,
  ServiceBusReceiverLike,
  ServiceBusReceiverSettings,
  ServiceBusSenderLike,
  ServiceBusSequenceNumber,
  ServiceBusSessionReceiverLike,
} from "./service-bus-client.ts";
export { createServiceBusQueue, type ServiceBusQueueOptions } from "./service-bus-queue.ts";
export { createStorageQueue, type StorageQueue, type StorageQueueOptions } from "./storage-queue.ts";
export type { StorageMessageLike, StorageQueueClientLike, StorageQueueServiceLike } from "./storage-queue-client.ts";
