import PQueue from "p-queue";
import { awaitAll, type Contender, maxConcurrent, noOperation } from "./contender.ts";

export const pQueue: Contender = {
  name: "p-queue",
  open: () => {
    const queue = new PQueue({ concurrency: maxConcurrent });
    return {
      run: (count) => awaitAll(count, (input) => queue.add(() => noOperation(input))),
      pause: () => queue.pause(),
      resume: () => {
        queue.start();
      },
      close: () => queue.onIdle(),
    };
  },
};
