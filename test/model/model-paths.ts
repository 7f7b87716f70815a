import { type AdjacencyMap, getAdjacencyMap, getShortestPaths } from "xstate/graph";
import { commandsOf, createCoordinatorModel } from "./coordinator-model.ts";
import type { ModelCommand, ModelSetup, ModelState } from "./model-state.ts";
import { isEnabled } from "./model-step.ts";

/** A walk through a model: what is done, and what is expected after each of it. */
export type ModelPath = readonly { readonly command: ModelCommand; readonly before: ModelState; readonly after: ModelState }[];

type ModelSnapshot = { readonly context: ModelState };

/**
 * Every path that comes to no state twice and can go no further: what `getSimplePaths` gives, without the paths that are the beginning of
 * others, and without walking the graph once for every state of it.
 */
export function simplePaths(setup: ModelSetup): ModelPath[] {
  const { adjacency, start } = graphOf(setup);
  const paths: ModelPath[] = [];
  const visited = new Set<string>();
  const walk = (key: string, path: ModelPath): void => {
    visited.add(key);
    const node = adjacency[key as never];
    let goesOn = false;
    for (const { event, state } of Object.values(node?.transitions ?? {})) {
      const next = serialize(state);
      if (visited.has(next)) continue;
      goesOn = true;
      walk(next, [...path, { command: event, before: (node as { state: ModelSnapshot }).state.context, after: state.context }]);
    }
    visited.delete(key);
    if (!goesOn) paths.push(path);
  };
  walk(start, []);
  return paths;
}

/**
 * Walks that together reach every state and take every transition once, those included that change nothing. Each begins with the shortest
 * path to a state with a transition still to take, and goes on as long as it meets others.
 */
export function transitionWalks(setup: ModelSetup): ModelPath[] {
  const { adjacency } = graphOf(setup);
  const shortest = shortestPaths(setup);
  const untaken = new Map(Object.entries(adjacency).map(([key, node]) => [key, untakenOf(key, node as Node)]));
  return [...shortest].flatMap(([key, beginning]) => {
    const paths: ModelPath[] = [];
    while ((untaken.get(key)?.length ?? 0) > 0) {
      const path = [...beginning];
      let here = key;
      for (let step = untaken.get(here)?.pop(); step !== undefined; step = untaken.get(here)?.pop()) {
        path.push(step);
        here = step.next;
      }
      paths.push(path);
    }
    return paths;
  });
}

type Node = AdjacencyMap<ModelSnapshot, ModelCommand>[never];

/** Those that change nothing come last, so that they are taken first. */
function untakenOf(key: string, { state, transitions }: Node) {
  return Object.values(transitions)
    .map(({ event, state: { context } }) => ({ command: event, before: state.context, after: context, next: serialize({ context }) }))
    .sort((a, b) => Number(a.next === key) - Number(b.next === key));
}

function shortestPaths(setup: ModelSetup): Map<string, ModelPath> {
  const paths = getShortestPaths(createCoordinatorModel(setup), traversalOf(setup));
  return new Map(
    paths.map(({ state, steps: [first, ...steps] }) => {
      let before = first?.state.context as ModelState;
      const path = steps.map(({ event, state: { context } }) => {
        const taken = { command: event as ModelCommand, before, after: context };
        before = context;
        return taken;
      });
      return [serialize(state), path];
    }),
  );
}

function graphOf(setup: ModelSetup): { adjacency: AdjacencyMap<ModelSnapshot, ModelCommand>; start: string } {
  const adjacency = getAdjacencyMap(createCoordinatorModel(setup), traversalOf(setup));
  return { adjacency: adjacency as AdjacencyMap<ModelSnapshot, ModelCommand>, start: Object.keys(adjacency)[0] as string };
}

function traversalOf(setup: ModelSetup) {
  return {
    events: commandsOf(setup),
    filterEvents: ({ context }: ModelSnapshot, command: ModelCommand) => isEnabled(context, command),
    serializeState: serialize,
    serializeEvent: (command: ModelCommand) => JSON.stringify(command),
    limit: 200_000,
  };
}

function serialize({ context: { setup: _, ...state } }: ModelSnapshot): string {
  return JSON.stringify(state);
}
