export { createRabbitmqQueue, type RabbitmqQueueOptions } from "./rabbitmq-queue.ts";
