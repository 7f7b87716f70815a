import { UnknownWordError } from "./conformance-case.ts";
import type { CoordinatorWorld } from "./coordinator-world.ts";
import { toSettings } from "./flat-config.ts";
import { parseSettings, type SettingsInput } from "./library.ts";
import { Forms } from "./matcher.ts";
import { executorScript, oracleScript } from "./script.ts";
import { errorFields, errorKind } from "./thrown-error.ts";
import type { Words } from "./words.ts";

type Step = (step: Words, world: CoordinatorWorld) => unknown;

/** What cases can do with a coordinator; each step answers what it saw. */
const steps: Readonly<Record<string, Step>> = {
  async start(step, world) {
    const label = step.text("as") ?? "";
    const settings = startSettings(step);
    const options = { ...startSignal(step, world), ...startId(step) };
    const parts = {
      ...(step.has("executor") && { executor: executorScript(step.blocks("executor")) }),
      ...(step.has("oracle") && { oracle: oracleScript(step.blocks("oracle")) }),
    };
    const prompt = step.text("prompt") ?? "";
    const expectError = step.flag("expectError") ?? false;
    try {
      await world.start(label, prompt, { ...options, ...settings() }, parts);
    } catch (error) {
      if (!expectError) throw error;
      return { ...errorFields(error), error: errorKind(error), errorMessage: (error as Error).message };
    }
    return { error: null, maxConcurrent: null };
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

  cancel: (step, world) => world.coordinator.cancel(world.idOf(step.text("of") ?? "")),

  settle: (_step, world) => world.clock.settle(),

  async advance(step, world) {
    await world.clock.advance(step.number("ms") ?? 0);
  },

  async finish(step, world) {
    await world.openCall(step.text("of") ?? "").finish(step.text("output") ?? "done");
  },

  async fail(step, world) {
    await world.openCall(step.text("of") ?? "").fail(new Error(step.text("error") ?? "failed"));
  },

  aborted: (step, world) => world.wasAborted(step.text("of") ?? ""),

  executions: (step, world) => world.executionsOf(step.text("of") ?? ""),

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
    const ids = world.idsOf(step.any("of"));
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

/** Runs the steps of a case in order; answers what they saw, under their `label` or `as`. */
export async function runSteps(list: readonly Words[], world: CoordinatorWorld): Promise<Readonly<Record<string, unknown>>> {
  const results: Record<string, unknown> = {};
  for (const step of list) {
    const name = step.text("do") ?? "";
    const run = Object.hasOwn(steps, name) ? steps[name] : undefined;
    if (run === undefined) throw new UnknownWordError(`step ${name}`, Object.keys(steps));
    const label = step.text("label") ?? step.text("as");
    const seen = await run(step, world);
    step.done();
    if (label !== undefined) results[label] = seen;
    // A step is over when what it caused has happened, as far as that needs no time.
    await world.clock.settle();
  }
  return results;
}

/** Read at the start, because a start with settings that cannot be read is refused like any other. */
function startSettings(step: Words): () => { settings?: SettingsInput } {
  const yaml = step.text("settingsYaml");
  if (yaml !== undefined) return () => ({ settings: parseSettings(yaml, { environment: {} }) });
  const flat = step.any("settings");
  const settings = flat === undefined ? {} : { settings: toSettings(flat as Readonly<Record<string, unknown>>) };
  return () => settings;
}

function startSignal(step: Words, world: CoordinatorWorld): { signal?: AbortSignal } {
  const name = step.text("signal");
  if (name === undefined) return {};
  return { signal: name === "aborted" ? AbortSignal.abort() : world.abortController(name).signal };
}

function startId(step: Words): { id?: string } {
  const id = step.text("id");
  return id === undefined ? {} : { id };
}
