import type { ConformanceCase } from "./conformance-case.ts";
import { coordinatorSteps } from "./coordinator-steps.ts";
import { CoordinatorWorld } from "./coordinator-world.ts";
import { durableSteps } from "./durable-steps.ts";
import { DurableWorld, type WorldKind } from "./durable-world.ts";
import type { HarnessClock } from "./harness-clock.ts";
import { seenDifferences } from "./model-actions.ts";
import { NotApplicableError } from "./not-applicable-error.ts";
import { QueueWorld, queueSteps } from "./queue-world.ts";
import { serverlessSteps } from "./serverless-steps.ts";
import { runSteps, type Steps } from "./steps.ts";
import { Words } from "./words.ts";

interface World {
  readonly clock: HarnessClock;
  end(): Promise<void>;
}

/** What a case showed. */
export interface CaseShown {
  readonly differences: readonly string[];
  /** Why it means nothing in some kinds of worlds, each with its reason. */
  readonly notApplicable: readonly string[];
}

const sharedAreas = new Set(["persistent-queue", "distributed", "serverless"]);

/** Steps with one coordinator in memory, with one queue, or with processes that share a store: the latter in each kind of world. */
export async function stepsAction(conformanceCase: ConformanceCase, kinds: readonly WorldKind[]): Promise<CaseShown> {
  const { area, given } = conformanceCase;
  const alone = async (differences: Promise<readonly string[]>) => ({ differences: await differences, notApplicable: [] });
  if (!sharedAreas.has(area)) return alone(inWorld(conformanceCase, async (words) => new CoordinatorWorld(words), coordinatorSteps));
  if (given.adapters !== undefined) return alone(inWorld(conformanceCase, async (words) => new QueueWorld(words), queueSteps));
  return inAll(conformanceCase, kinds);
}

async function inAll(conformanceCase: ConformanceCase, kinds: readonly WorldKind[]): Promise<CaseShown> {
  const differences: string[] = [];
  const notApplicable: string[] = [];
  for (const kind of kinds) {
    try {
      const found = await inWorld(conformanceCase, (words) => openDurable(kind, words, conformanceCase), {
        ...durableSteps,
        ...serverlessSteps,
      });
      differences.push(...found.map((text) => `${kind.store}${kind.hasQueue ? " and queue" : ""}: ${text}`));
    } catch (error) {
      if (!(error instanceof NotApplicableError)) throw error;
      notApplicable.push(error.message);
    }
  }
  return { differences, notApplicable };
}

async function openDurable(kind: WorldKind, given: Words, { when }: ConformanceCase): Promise<DurableWorld> {
  const world = await DurableWorld.open(kind, given);
  if (JSON.stringify(when).includes('"storedHistory"')) world.keepHistory();
  return world;
}

async function inWorld<Kind extends World>(
  conformanceCase: ConformanceCase,
  open: (given: Words) => Promise<Kind>,
  steps: Steps<Kind>,
): Promise<readonly string[]> {
  const given = new Words(conformanceCase.given, "given");
  const when = new Words(conformanceCase.when, "when");
  const then = new Words(conformanceCase.then, "then");
  when.text("action");
  const world = await open(given);
  try {
    const results = await runSteps(when.blocks("steps") ?? [], world, steps);
    const differences = seenDifferences(then, { results });
    for (const words of [given, when, then]) words.done();
    return differences;
  } finally {
    await world.end();
  }
}
