import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";

/** The same queue, but `consume` tries again as a worker does: the mock refuses a member that is slower than the leader of its group. */
export function consumingPersistently(queue: ExecutionQueue): ExecutionQueue {
  return {
    ...queue,
    consume: async (options, handle) => {
      for (let tries = 1; ; tries++) {
        try {
          return await queue.consume(options, handle);
        } catch (error) {
          if (!(error instanceof StoreUnavailableError) || tries === 5) throw error;
        }
      }
    },
  };
}
