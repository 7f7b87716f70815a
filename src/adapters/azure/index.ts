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
  ServiceBusSessionReceiverLike,
} from "./service-bus-client.ts";
export { createServiceBusQueue, type ServiceBusQueueOptions } from "./service-bus-queue.ts";
