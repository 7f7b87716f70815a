import { UnknownWordError } from "./conformance-case.ts";
import type { HarnessClock } from "./harness-clock.ts";
import type { Words } from "./words.ts";

/** What cases can do in one kind of world. */
export type Steps<World> = Readonly<Record<string, (step: Words, world: World) => unknown>>;

/** Runs the steps of a case in order; answers what they saw, under their `label` or `as`. */
export async function runSteps<World extends { readonly clock: HarnessClock }>(
  list: readonly Words[],
  world: World,
  steps: Steps<World>,
): Promise<Readonly<Record<string, unknown>>> {
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
