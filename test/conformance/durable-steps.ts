import { UnknownWordError } from "./conformance-case.ts";
import type { DurableWorld } from "./durable-world.ts";
import type { ExecutionStatus } from "./library.ts";
import { shownStart, startScripts, startSettings } from "./start-words.ts";
import type { Steps } from "./steps.ts";
import type { Words } from "./words.ts";

/** What cases can do with processes that share a store; each step answers what it saw. */
export const durableSteps: Steps<DurableWorld> = {
  submit: (step, world) => submit(step, (...start) => world.submit(...start)),

  submitCrashing: (step, world) => submit(step, (...start) => world.submitCrashing(...start)),

  async submitMany(step, world) {
    const count = step.number("count") ?? 0;
    const label = step.text("as") ?? "";
    const settings = startSettings(step);
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const starts = numbers.map((number) => world.submit(`${label}#${number}`, `Task ${number}`, settings(), {}));
    const results = await Promise.allSettled(starts);
    const accepted = results.filter(({ status }) => status === "fulfilled").length;
    return { accepted, refused: count - accepted };
  },

  newProcess: (_step, world) => world.newProcess(),

  startWorker(step, world) {
    world.startWorker({ as: step.text("as"), concurrency: step.number("concurrency"), dieDuring: step.text("dieDuring") });
  },

  startWorkers(step, world) {
    const count = step.number("count") ?? step.number("workers") ?? world.workers;
    const concurrency = step.number("concurrency");
    for (let worker = 1; worker <= count; worker++) world.startWorker({ concurrency });
  },

  async stopWorker(step, world) {
    const mode = step.text("mode") ?? "release";
    if (mode !== "release" && mode !== "finish") throw step.unknown("mode");
    await world.stopWorker(step.text("of") ?? step.text("as"), mode === "finish" ? "drain" : "release");
  },

  async awaitRunning(step, world) {
    const label = step.text("of") ?? "";
    await world.until(async () => (await world.statusOf(label)) === "running", `${label} runs`);
  },

  async crashWorkers(step, world) {
    await world.crashWorkers(step.text("of") ?? "", step.number("times") ?? 1);
  },

  stored: (step, world) => world.stored(world.executions.idOf(step.text("of") ?? "")),

  async countStored(step, world) {
    const status = step.text("status");
    const { value: counts } = await world.clock.until(world.client.counts());
    if (status !== undefined && !Object.hasOwn(counts, status)) throw new UnknownWordError(`status ${status}`, Object.keys(counts));
    return counts[(status ?? "total") as ExecutionStatus];
  },

  storedHistory: (step, world) => world.historyOf(step.text("of") ?? ""),

  queueLength: (_step, world) => world.queueLength(),

  rawMessage: (step, world) => world.rawMessage(step.text("body") ?? ""),

  duplicateMessage: (step, world) => world.duplicateMessage(step.text("of") ?? ""),

  deadLetters: (_step, world) => world.deadLetters(),

  dequeueCalls: (_step, world) => world.dequeueCalls,

  executions: (step, world) => world.executions.executionsOf(step.text("of") ?? ""),

  maxExecutionsOfOne: (_step, world) => world.executions.mostExecutions,

  async cancel(step, world) {
    return (await world.clock.until(world.client.cancel(world.executions.idOf(step.text("of") ?? "")))).value;
  },

  async cleanup(step, world) {
    const olderThanMs = step.number("olderThanMs");
    return (await world.clock.until(world.client.cleanup(olderThanMs === undefined ? {} : { olderThanMs }))).value;
  },

  settle: (_step, world) => world.clock.settle(),

  advance: (step, world) => world.clock.advance(step.number("ms") ?? 0),

  async finish(step, world) {
    world.executions.openCall(step.text("of") ?? "").finish(step.text("output") ?? "done");
  },

  async fail(step, world) {
    world.executions.openCall(step.text("of") ?? "").fail(new Error(step.text("error") ?? "failed"));
  },

  aborted: (step, world) => world.executions.wasAborted(step.text("of") ?? ""),
};

type Submit = (...start: Parameters<DurableWorld["submit"]>) => Promise<void>;

async function submit(step: Words, start: Submit): Promise<unknown> {
  const label = step.text("as") ?? "";
  const prompt = step.text("prompt") ?? "";
  const settings = startSettings(step);
  const scripts = startScripts(step);
  return shownStart(step, () => start(label, prompt, settings(), scripts));
}
