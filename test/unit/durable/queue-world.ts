import { createMemoryQueue, MemoryQueueData } from "../../../src/adapters/memory/memory-queue.ts";
import { StoreUnavailableError } from "../../../src/model/store-errors.ts";
import type { ExecutionQueue, QueueCapabilities, QueueMessage } from "../../../src/ports/execution-queue.ts";
import type { VirtualClock } from "../../../src/testing/virtual-clock.ts";

/** What goes wrong with a queue from now on. */
interface QueueFaults {
  /** `publish` and `consume` reject, and what is on loan cannot be settled. */
  down?: boolean;
  /** Nothing is answered. */
  hangs?: boolean;
  /** Published messages are lost, or come twice. */
  messages?: "lost" | "twice";
}

/** One memory queue as several processes have it, which can be less able than it is, and fail. */
export function createQueueWorld(clock: VirtualClock, less: Partial<QueueCapabilities> = {}) {
  const data = new MemoryQueueData();
  const own = createMemoryQueue({ clock, data });
  const capabilities = { ...own.capabilities, ...less };
  const faults: QueueFaults = {};
  const published: QueueMessage[] = [];
  let consumes = 0;
  const answer = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (faults.hangs) return new Promise(() => {});
    if (faults.down) throw new StoreUnavailableError("the queue is down");
    return run();
  };
  const queue: ExecutionQueue = {
    ...own,
    capabilities,
    publish: (messages) =>
      answer(async () => {
        published.push(...messages);
        const able = messages.map(({ priority, delayMs, ...message }) => ({
          ...message,
          ...(capabilities.priority && priority !== undefined && { priority }),
          ...(capabilities.delay && delayMs !== undefined && { delayMs }),
        }));
        if (faults.messages === "lost") return messages.map(() => ({ published: true }) as const);
        if (faults.messages === "twice") await own.publish(able);
        return own.publish(able);
      }),
    consume: (options, handle) => {
      consumes += 1;
      return answer(() =>
        own.consume(options, (delivery) =>
          handle({
            ...delivery,
            ack: () => answer(() => delivery.ack()),
            nack: (how) => answer(() => delivery.nack(capabilities.delay ? how : {})),
            putAside: (reason) => answer(() => delivery.putAside(reason)),
          }),
        ),
      );
    },
  };
  return {
    queue,
    faults,
    published,
    get consumes() {
      return consumes;
    },
    publishRaw: (raw: string) => own.publishRaw("test", raw),
    /** How many messages nobody has on loan. */
    waiting: () => data.waiting.get("test")?.length ?? 0,
    onLoan: () => [...data.consumers].reduce((sum, { loans }) => sum + loans.size, 0),
    aside: () => own.listPutAside({ name: "test" }),
  };
}
