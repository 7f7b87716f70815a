import { type ConformanceCase, UnknownWordError } from "./conformance-case.ts";
import { runSteps } from "./coordinator-steps.ts";
import { CoordinatorWorld } from "./coordinator-world.ts";
import { modelActions, seenDifferences } from "./model-actions.ts";
import { runAction, runThenRestoreAction } from "./run-actions.ts";
import { loadSettingsCase } from "./settings-actions.ts";
import { Words } from "./words.ts";

export type CaseReport =
  | { readonly id: string; readonly outcome: "ok" }
  | { readonly id: string; readonly outcome: "failed"; readonly why: string }
  | { readonly id: string; readonly outcome: "todo" };

const laterAreas: ReadonlySet<string> = new Set(["persistent-queue", "serverless", "distributed"]);

const areas: ReadonlySet<string> = new Set(
  "settings verdict oracle-loop auto-continue completion retry final-iteration hitl cancel checkpoint context parsing coordinator".split(
    " ",
  ),
);

type Action = (given: Words, when: Words, then: Words) => Promise<readonly string[]>;

/** Runs one case against the library and says what differs from what it expects. Never throws. */
export async function runCase(conformanceCase: ConformanceCase): Promise<CaseReport> {
  const id = String(conformanceCase?.id);
  try {
    checkFrame(conformanceCase);
    if (laterAreas.has(conformanceCase.area)) return { id, outcome: "todo" };
    const differences = await perform(conformanceCase);
    return differences.length === 0 ? { id, outcome: "ok" } : { id, outcome: "failed", why: differences.join("; ") };
  } catch (error) {
    return { id, outcome: "failed", why: error instanceof UnknownWordError ? error.message : `expected no error, seen ${String(error)}` };
  }
}

function checkFrame(conformanceCase: ConformanceCase): void {
  const frame = new Words(conformanceCase, "case");
  for (const word of ["id", "area", "title", "rule", "scope"]) frame.text(word);
  for (const word of ["given", "when", "then"]) frame.block(word);
  frame.done();
  const { area } = conformanceCase;
  if (!areas.has(area) && !laterAreas.has(area)) throw new UnknownWordError(`area ${area}`, [...areas, ...laterAreas]);
}

async function perform(conformanceCase: ConformanceCase): Promise<readonly string[]> {
  const given = new Words(conformanceCase.given, "given");
  const when = new Words(conformanceCase.when, "when");
  const then = new Words(conformanceCase.then, "then");
  const name = when.text("action") ?? "";
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw new UnknownWordError(`action ${name}`, Object.keys(actions));
  if (then.isEmpty) throw new UnknownWordError("then is empty: the case expects nothing");
  const differences = await action(given, when, then);
  for (const words of [given, when, then]) words.done();
  return differences;
}

const actions: Readonly<Record<string, Action>> = {
  loadSettings: loadSettingsCase,
  run: runAction,
  runThenRestore: runThenRestoreAction,
  steps: coordinatorAction,
  ...Object.fromEntries(
    Object.entries(modelActions).map(([name, see]): [string, Action] => [
      name,
      async (given, when, then) => seenDifferences(then, await see(given, when)),
    ]),
  ),
};

async function coordinatorAction(given: Words, when: Words, then: Words): Promise<readonly string[]> {
  const world = new CoordinatorWorld(given);
  try {
    return seenDifferences(then, { results: await runSteps(when.blocks("steps") ?? [], world) });
  } finally {
    await world.end();
  }
}
