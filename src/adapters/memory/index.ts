export { createMemoryQueue, MemoryQueueData, type MemoryQueueOptions } from "./memory-queue.ts";
export { createMemoryData, createMemoryStore, type MemoryData, type MemoryStoreOptions } from "./memory-store.ts";
