import { type CoordinatorOptions, createCoordinator } from "../../../src/index.ts";
import { awaitAll, type Contender, maxConcurrent, noOperation } from "./contender.ts";

type Options = Omit<CoordinatorOptions<typeof noOperation>, "orchestrator">;

/** A coordinator with its defaults, except for the limit that all contenders share. */
export function createNoOperationCoordinator(options: Options = {}) {
  return createCoordinator({ orchestrator: noOperation, maxConcurrent, ...options });
}

export const actorfleet: Contender = {
  name: "actorfleet",
  open: () => {
    const coordinator = createNoOperationCoordinator();
    return {
      run: (count) => awaitAll(count, async (input) => coordinator.waitFor(await coordinator.start(input))),
      pause: () => coordinator.pause(),
      resume: () => coordinator.resume(),
      close: async () => {
        await coordinator.close();
      },
    };
  },
};
