import { UnknownWordError } from "./conformance-case.ts";
import { eventDifferences, type SeenEvent } from "./event-expectations.ts";
import { seenDifferences } from "./model-actions.ts";
import { type RunShowing, showRun } from "./run-showing.ts";
import { toRunWorld } from "./run-world.ts";
import { Words } from "./words.ts";

const eventWords = ["eventsExact", "eventsInclude", "eventsAbsent", "eventCounts", "ignoreEvents"];

/** Action `run`: one run from start to stop. */
export async function runAction(given: Words, when: Words, then: Words): Promise<readonly string[]> {
  const world = toRunWorld(given, when);
  checkAllRead(given, when);
  return showingDifferences(then, await showRun(world));
}

/** Action `runThenRestore`: a run that is interrupted, and one that goes on from its last checkpoint. */
export async function runThenRestoreAction(given: Words, when: Words, then: Words): Promise<readonly string[]> {
  const world = toRunWorld(given, when);
  checkAllRead(given, when);
  const first = await showRun(world);
  if (first.checkpoint === undefined) return ["expected a checkpoint to restore, seen none"];
  const restored = await showRun(world, first.checkpoint);
  const sameSession = first.sessionId !== undefined && first.sessionId === restored.sessionId;
  const differences: string[] = [];
  for (const [word, showing] of [
    ["first", first],
    ["restored", { ...restored, fields: { ...restored.fields, sameSession } }],
  ] as const) {
    const expected = then.block(word);
    if (expected !== undefined) differences.push(...showingDifferences(expected, showing).map((text) => `${word}: ${text}`));
  }
  if (then.has("first") || then.has("restored")) return differences;
  throw new UnknownWordError("runThenRestore without first or restored");
}

/** A word that is unknown is told before anything runs. */
function checkAllRead(given: Words, when: Words): void {
  given.done();
  when.done();
}

function showingDifferences(then: Words, { events, fields }: RunShowing): readonly string[] {
  const eventProblems = eventDifferences(then, events as readonly SeenEvent[]);
  const others = then.entries().filter(([word]) => !eventWords.includes(word));
  return [...eventProblems, ...seenDifferences(new Words(Object.fromEntries(others), "then"), fields)];
}
