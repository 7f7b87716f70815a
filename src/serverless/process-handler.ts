import { toCoordinatorOptions } from "../core/autonomous-coordinator-options.ts";
import { StoreBackedCoordinator } from "../core/durable-client.ts";
import { checkDurableOptions, type DurableAutonomousOptions, type DurableCoordinatorOptions } from "../core/durable-options.ts";
import type { AnyOrchestrator } from "../core/orchestrator.ts";
import { createSystemClock } from "../core/system-clock.ts";
import { WorkerStint } from "../core/worker-stint.ts";
import * as check from "../model/option-check.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import type { Clock } from "../ports/clock.ts";
import { MessageBatch, type ProcessMessage, type ProcessReport, type PutAside } from "./message-batch.ts";
import { StoreSweep } from "./store-sweep.ts";

/** How long before the end of a call work is asked to stop at its next safe point, whatever its steps took so far; at most a fifth of the call. */
const yieldingMs = 10_000;

/** What a call of a function is given beside its messages. */
export interface ProcessScope {
  /** Milliseconds until the platform ends the call. */
  remainingMs(): number;
}

/** What is particular about working in short calls. */
export interface ProcessOptions {
  /** Kept at the end of a call for writing; 500, and at most a tenth of the call. */
  reserveMs?: number;
  /** Where messages go that cannot be read or whose execution is unknown; by default they fail, and the platform puts them aside in the end. */
  putAside?: PutAside;
}

/** Settings of `createProcessHandler`: those of a durable coordinator, which has the role of a worker. */
export type ProcessHandlerOptions<O extends AnyOrchestrator> = Omit<DurableCoordinatorOptions<O>, "role" | "pollMs"> & ProcessOptions;

/** The same for autonomous runs, given their parts. */
export type AutonomousProcessOptions<Input extends RunRequest, Step extends StepResult> = Omit<
  DurableAutonomousOptions<Input, Step>,
  "role" | "pollMs"
> &
  ProcessOptions;

/** Works off a batch of messages within the time of a call. */
export type ProcessHandler = (batch: readonly ProcessMessage[], scope: ProcessScope) => Promise<ProcessReport>;

/**
 * Makes a function that runs what messages point at, as long as the platform lets it.
 *
 * Work is given back at a safe point (a checkpoint of a function, a pass of an autonomous run, a machine with nothing at work) as soon as
 * another step like the longest so far might not fit, its id is published, and the next call goes on with it. What the end of a call cuts off
 * before it has saved anything counts as a lost worker, so that a step which fits into no call fails in the end (`maxTakeovers`).
 * The same message twice runs once.
 *
 * @example
 * ```ts
 * const handle = createProcessHandler({ name: "reports", store, queue, orchestrator });
 * export const handler = async (event: SQSEvent, context: Context) => {
 *   const batch = event.Records.map(({ messageId: id, body }) => ({ id, body }));
 *   const { failed } = await handle(batch, { remainingMs: () => context.getRemainingTimeInMillis() });
 *   return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
 * };
 * ```
 * @throws {InvalidOptionsError}
 */
export function createProcessHandler<O extends AnyOrchestrator>(options: ProcessHandlerOptions<O>): ProcessHandler;
/** @throws {InvalidOptionsError} {@link SettingsError} */
export function createProcessHandler<Input extends RunRequest, Step extends StepResult>(
  options: AutonomousProcessOptions<Input, Step>,
): ProcessHandler;
export function createProcessHandler(given: unknown): ProcessHandler {
  const { reserveMs = 500, putAside, ...durable } = toCoordinatorOptions(given) as unknown as ProcessHandlerOptions<AnyOrchestrator>;
  check.fields({ reserveMs: check.milliseconds, putAside: check.callable })({ reserveMs, putAside }, "options");
  checkDurableOptions(durable);
  const { name, queue, clock = createSystemClock(), onError } = durable;
  const reportError = (error: unknown) => onError?.(error);
  const sweep = new StoreSweep(durable);
  return async (batch, { remainingMs }) => {
    const wholeMs = remainingMs();
    const leftMs = () => remainingMs() - Math.min(reserveMs, wholeMs / 10);
    const messages = new MessageBatch(batch, { name, queue, putAside, reportError });
    const stint = new WorkerStint({ clock, remainingMs: leftMs, lost: (id) => messages.fail(id) });
    // What a call that was ended had in hand is claimable again before the message about it is read.
    await sweep.takeBack();
    const worker = new StoreBackedCoordinator({ ...durable, clock, role: "worker", queue: messages }, stint);
    const done = messages.settled.then(() => worker.drain());
    await within(done, leftMs() - Math.min(yieldingMs, wholeMs / 5), clock);
    await worker.close({ mode: "release", deadlineMs: Math.max(0, leftMs()) });
    return messages.report;
  };
}

async function within(work: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  let timer: unknown;
  const over = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([work, over]);
  clock.clearTimeout(timer);
}
