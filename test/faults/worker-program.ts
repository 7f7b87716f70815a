import { flushCompileCache } from "node:module";
import { inspect } from "node:util";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import { openQueue, type QueueAddress } from "../support/queue-address.ts";
import { openStore, type StoreAddress } from "../support/store-address.ts";
import { createFaultMachine } from "./fault-machine.ts";
import { connectToSink } from "./sink-client.ts";

/** What a worker process is told when it is made. */
export interface WorkerOrder {
  readonly store: StoreAddress;
  readonly queue?: QueueAddress;
  readonly workerId: string;
  readonly sinkPort: number;
  readonly leaseMs: number;
  readonly maxConcurrent: number;
}

/** The input of a function; each step is an effect and then a checkpoint. */
export interface FunctionWork {
  readonly steps: number;
  readonly workMs: number;
  /** Ignores its signal, and works on. */
  readonly stubborn?: true;
  /** Ends its process, as a bug in native code would. */
  readonly deadly?: true;
}

const order = JSON.parse(process.argv[2] ?? "") as WorkerOrder;
const { workerId, sinkPort, leaseMs, maxConcurrent } = order;
const haveEffect = connectToSink(sinkPort);
/** Of this process's last claim of each execution: a machine is not told. */
const fences = new Map<string, number>();
const plain = await openStore(order.store);
const store: typeof plain = {
  ...plain,
  async claim(request) {
    const report = await plain.claim(request);
    for (const { id, fence } of report.executions) fences.set(id, fence);
    return report;
  },
};
const queue = order.queue && (await openQueue(order.queue));
const fenceOf = (id: string) => fences.get(id) as number;

async function work({ steps, workMs, stubborn, deadly }: FunctionWork, scope: ExecutionScope): Promise<number> {
  const id = scope.executionId;
  for (let step = Number(scope.restored ?? 0) + 1; step <= steps; step++) {
    await haveEffect({ id, fence: scope.fence as number, step, workMs, signal: stubborn ? undefined : scope.signal });
    if (deadly) process.kill(process.pid, "SIGKILL");
    await scope.checkpoint(step);
  }
  return steps;
}

const onError = (error: unknown) => {
  // To be told of an outage is right; anything else is a bug.
  if (!(error instanceof StoreUnavailableError)) process.stderr.write(`${inspect(error)}\n`);
};
const common = { store, ...(queue && { queue }), workerId, leaseMs, maxConcurrent, onError, role: "worker" } as const;
const coordinators = [
  createDurableCoordinator({ ...common, name: "function", orchestrator: work }),
  createDurableCoordinator({
    ...common,
    name: "machine",
    orchestrator: createFaultMachine((id, step, workMs, signal) => haveEffect({ id, fence: fenceOf(id), step, workMs, signal })),
  }),
];
// Without the test there is nobody to work for.
process.on("disconnect", () => process.exit());
process.on("message", async () => {
  await Promise.all(coordinators.map((coordinator) => coordinator.close({ deadlineMs: 2_000 })));
  await queue?.close();
  await store.close();
  process.exit();
});
process.send?.("ready");
// For the next one: this one may be killed at any time.
flushCompileCache();
