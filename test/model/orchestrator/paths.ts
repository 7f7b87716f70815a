import { answersOf, type Decision, drive, PathDecider, type Scenario, type Showing } from "./choice-world.ts";
import { watchCoverage } from "./coverage.ts";

/** A path that covers something no shorter one before it covers. */
export interface GeneratedPath {
  readonly scenario: Scenario;
  /** The number of the answer to each question, the rest by default. */
  readonly numbers: readonly number[];
  readonly decisions: readonly Decision[];
  readonly covers: readonly string[];
  readonly showing: Showing;
}

/** Runs a path and says what it visited. */
async function runPath(
  scenario: Scenario,
  numbers: readonly number[],
): Promise<{ seen: Set<string>; showing: Showing; decisions: readonly Decision[] }> {
  const decider = new PathDecider(numbers);
  let seen = new Set<string>();
  const showing = await drive(scenario, decider, {
    beforeStart: (run) => {
      seen = watchCoverage(run);
    },
  });
  return { seen, showing, decisions: decider.decisions };
}

/**
 * Generates paths shortest first: from the run in which every answer is the default, answers are changed one at a time; a path that
 * shows something new is kept and changed further, one that shows nothing new is changed further only while it has few changes.
 */
export async function generatePaths(scenarios: readonly Scenario[], covered: Set<string>): Promise<GeneratedPath[]> {
  const kept: GeneratedPath[] = [];
  for (const scenario of scenarios) {
    const waiting: { numbers: readonly number[]; changes: number }[] = [{ numbers: [], changes: 0 }];
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const { seen, showing, decisions } = await runPath(scenario, path.numbers);
      const covers = [...seen].filter((name) => !covered.has(name));
      for (const name of covers) covered.add(name);
      if (covers.length > 0) kept.push({ scenario, numbers: path.numbers, decisions, covers, showing });
      if (covers.length === 0 && path.changes > 1) continue;
      for (let index = path.numbers.length; index < decisions.length; index++) {
        const answers = answersOf[(decisions[index] as Decision).question];
        for (let number = 1; number < answers.length; number++) {
          waiting.push({
            numbers: [...path.numbers, ...new Array(index - path.numbers.length).fill(0), number],
            changes: path.changes + 1,
          });
        }
      }
    }
  }
  return kept;
}

/** Which path covers what, as text. */
export function coverageReport(paths: readonly GeneratedPath[]): string {
  return paths
    .map(({ scenario, decisions, covers, showing }) => {
      const answers = decisions.map(({ question, answer }) => `${question} ${answer}`).join(", ");
      return [`${scenario.name}: ${answers} → ${showing.outcome.finalState}`, ...covers.map((name) => `  ${name}`)].join("\n");
    })
    .join("\n");
}
