import { type ConformanceCase, UnknownWordError } from "./conformance-case.ts";
import { type WorldKind, worldKinds } from "./durable-world.ts";
import { modelActions, seenDifferences } from "./model-actions.ts";
import { runAction, runThenRestoreAction } from "./run-actions.ts";
import { loadSettingsCase } from "./settings-actions.ts";
import { type CaseShown, stepsAction } from "./steps-action.ts";
import { Words } from "./words.ts";

/** `notApplicable`: it means nothing in any world; `notIn`: the reasons, one for each world in which it did not. */
export type CaseReport =
  | { readonly id: string; readonly outcome: "ok"; readonly notIn?: readonly string[] }
  | { readonly id: string; readonly outcome: "failed"; readonly why: string }
  | { readonly id: string; readonly outcome: "notApplicable"; readonly notIn: readonly string[] };

const areas: ReadonlySet<string> = new Set(
  (
    "settings verdict oracle-loop auto-continue completion retry final-iteration hitl cancel checkpoint context parsing coordinator " +
    "persistent-queue serverless distributed"
  ).split(" "),
);

type Action = (given: Words, when: Words, then: Words) => Promise<readonly string[]>;

/**
 * Runs one case against the library and says what differs from what it expects. Cases about stores run once for each kind of store and
 * queue. Never throws.
 */
export async function runCase(conformanceCase: ConformanceCase, kinds: readonly WorldKind[] = worldKinds): Promise<CaseReport> {
  const id = String(conformanceCase?.id);
  try {
    checkFrame(conformanceCase);
    const { differences, notApplicable } = await perform(conformanceCase, kinds);
    if (differences.length > 0) return { id, outcome: "failed", why: differences.join("; ") };
    if (notApplicable.length === kinds.length) return { id, outcome: "notApplicable", notIn: notApplicable };
    return { id, outcome: "ok", ...(notApplicable.length > 0 && { notIn: notApplicable }) };
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
  if (!areas.has(area)) throw new UnknownWordError(`area ${area}`, areas);
  if (new Words(conformanceCase.then, "then").isEmpty) throw new UnknownWordError("then is empty: the case expects nothing");
}

async function perform(conformanceCase: ConformanceCase, kinds: readonly WorldKind[]): Promise<CaseShown> {
  const given = new Words(conformanceCase.given, "given");
  const when = new Words(conformanceCase.when, "when");
  const then = new Words(conformanceCase.then, "then");
  const name = when.text("action") ?? "";
  if (name === "steps") return stepsAction(conformanceCase, kinds);
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw new UnknownWordError(`action ${name}`, [...Object.keys(actions), "steps"]);
  const differences = await action(given, when, then);
  for (const words of [given, when, then]) words.done();
  return { differences, notApplicable: [] };
}

const actions: Readonly<Record<string, Action>> = {
  loadSettings: loadSettingsCase,
  run: runAction,
  runThenRestore: runThenRestoreAction,
  ...Object.fromEntries(
    Object.entries(modelActions).map(([name, see]): [string, Action] => [
      name,
      async (given, when, then) => seenDifferences(then, await see(given, when)),
    ]),
  ),
};
