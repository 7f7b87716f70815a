import fastq from "fastq";
import { awaitAll, type Contender, maxConcurrent, noOperation } from "./contender.ts";

export const fastqPromise: Contender = {
  name: "fastq.promise",
  open: () => {
    const queue = fastq.promise<unknown, number, number>(noOperation, maxConcurrent);
    return {
      run: (count) => awaitAll(count, (input) => queue.push(input)),
      pause: () => {
        queue.pause();
      },
      resume: () => {
        queue.resume();
      },
      close: () => queue.drained(),
    };
  },
};
