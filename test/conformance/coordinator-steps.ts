import type { CoordinatorWorld } from "./coordinator-world.ts";
import { Forms } from "./matcher.ts";
import { shownStart, startScripts, startSettings } from "./start-words.ts";
import type { Steps } from "./steps.ts";
import { errorFields, errorKind } from "./thrown-error.ts";
import type { Words } from "./words.ts";

/** What cases can do with a coordinator; each step answers what it saw. */
export const coordinatorSteps: Steps<CoordinatorWorld> = {
  async start(step, world) {
    const label = step.text("as") ?? "";
    const settings = startSettings(step);
    const options = { ...startSignal(step, world), ...startId(step) };
    const scripts = startScripts(step);
    const prompt = step.text("prompt") ?? "";
    return shownStart(step, () => world.start(label, prompt, { ...options, ...settings() }, scripts));
  },

  async startMany(step, world) {
    const count = step.number("count") ?? 0;
    const label = step.text("as") ?? "";
    const starts = Array.from({ length: count }, (_, index) => world.start(`${label}#${index + 1}`, `Task ${index + 1}`, {}, {}));
    const results = await Promise.allSettled(starts);
    const accepted = results.filter(({ status }) => status === "fulfilled").length;
    return { accepted, refused: count - accepted };
  },

  status: (step, world) => world.shown(step.text("of") ?? ""),

  list: (step, world) => world.list(step.text("status")),

  count: (step, world) => world.count(step.text("status")),

  cancel: (step, world) => world.coordinator.cancel(world.executions.idOf(step.text("of") ?? "")),

  settle: (_step, world) => world.clock.settle(),

  async advance(step, world) {
    await world.clock.advance(step.number("ms") ?? 0);
  },

  async finish(step, world) {
    await world.executions.openCall(step.text("of") ?? "").finish(step.text("output") ?? "done");
  },

  async fail(step, world) {
    await world.executions.openCall(step.text("of") ?? "").fail(new Error(step.text("error") ?? "failed"));
  },

  aborted: (step, world) => world.executions.wasAborted(step.text("of") ?? ""),

  executions: (step, world) => world.executions.executionsOf(step.text("of") ?? ""),

  cleanup(step, world) {
    const olderThanMs = step.number("olderThanMs");
    return world.coordinator.cleanup(olderThanMs === undefined ? {} : { olderThanMs });
  },

  createWith(step, world) {
    try {
      world.create(step.any("maxConcurrent") as number);
      return { error: null };
    } catch (error) {
      return { ...errorFields(error), error: errorKind(error) };
    }
  },

  distinct(step, world) {
    const ids = world.executions.idsOf(step.any("of"));
    const distinct = new Set(ids).size;
    return new Forms(distinct === ids.length, distinct);
  },

  async abortSignal(step, world) {
    world.abortController(step.text("signal") ?? "").abort();
    await world.clock.settle();
  },

  eventOwners: (_step, world) => world.eventOwners(),

  async shutdown(_step, world) {
    return (await world.clock.until(world.coordinator.close({ mode: "cancel" }))).value;
  },
};

function startSignal(step: Words, world: CoordinatorWorld): { signal?: AbortSignal } {
  const name = step.text("signal");
  if (name === undefined) return {};
  return { signal: name === "aborted" ? AbortSignal.abort() : world.abortController(name).signal };
}

function startId(step: Words): { id?: string } {
  const id = step.text("id");
  return id === undefined ? {} : { id };
}
