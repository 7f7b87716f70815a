export type { KafkaQueueOptions, KafkaSaslOptions } from "./kafka-options.ts";
export { createKafkaQueue } from "./kafka-queue.ts";
