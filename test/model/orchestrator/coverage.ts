import type { AnyStateNode, AnyTransitionDefinition } from "xstate";
import { orchestratorMachine } from "../../../machines/orchestrator-machine.ts";
import type { AutonomousRun } from "../../../src/core/autonomous-run.ts";

/** Everything that a run can visit: `state x` and `transition x on e → y`. */
export function everythingToCover(): Set<string> {
  const names = new Set<string>();
  visit(orchestratorMachine.root as unknown as AnyStateNode, (node) => {
    if (node.parent !== undefined) names.add(`state ${node.id}`);
    for (const transition of transitionsOf(node)) names.add(transitionName(transition));
  });
  return names;
}

/** Notes what a run visits. */
export function watchCoverage(run: AutonomousRun): Set<string> {
  const seen = new Set<string>();
  run.actor.system.inspect({
    next: (inspected) => {
      if (inspected.type !== "@xstate.microstep" || inspected.actorRef !== run.actor) return;
      for (const transition of inspected._transitions) seen.add(transitionName(transition));
      const { _nodes } = inspected.snapshot as unknown as { _nodes: readonly AnyStateNode[] };
      for (const node of _nodes) if (node.parent !== undefined) seen.add(`state ${node.id}`);
    },
    error: () => {},
    complete: () => {},
  });
  return seen;
}

function visit(node: AnyStateNode, see: (node: AnyStateNode) => void): void {
  see(node);
  for (const child of Object.values(node.states)) visit(child as AnyStateNode, see);
}

function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...node.transitions.values()].flat().concat(node.always ?? []);
}

function transitionName({ source, eventType, target, guard }: AnyTransitionDefinition): string {
  const to = target?.map(({ id }) => id).join(", ") ?? "itself";
  const asked = guard as { type?: string; params?: unknown } | string | undefined;
  const named =
    typeof asked === "object"
      ? `${asked.type}${asked.params === undefined ? "" : ` ${String(asked.params)}`}`
      : typeof asked === "string"
        ? asked
        : undefined;
  return `transition ${source.id} on ${eventType === "" ? "always" : eventType}${named === undefined ? "" : ` if ${named}`} → ${to}`;
}
