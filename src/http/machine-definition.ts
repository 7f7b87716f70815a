import type { AnyStateMachine } from "xstate";
import { executionMachine } from "../../machines/execution-machine.ts";
import { supervisorMachine } from "../../machines/supervisor-machine.ts";
import { workerMachine } from "../../machines/worker-machine.ts";

/** The statecharts behind a coordinator, by the name of their place in it. */
export function machinesOf(orchestratorMachine: AnyStateMachine | undefined): ReadonlyMap<string, AnyStateMachine> {
  return new Map<string, AnyStateMachine>([
    ["execution", executionMachine],
    ["supervisor", supervisorMachine],
    ["worker", workerMachine],
    ...(orchestratorMachine === undefined ? [] : ([["orchestrator", orchestratorMachine]] as const)),
  ]);
}

/** A machine's definition as JSON: its states and transitions, guards, actions and actors by name. */
export function machineJson(machine: AnyStateMachine): string {
  return JSON.stringify({ ...machine.definition, events: machine.events }, plainPart);
}

/** Functions have no JSON; what they are called, or made of, has. What they compute says nothing. */
function plainPart(key: string, value: unknown): unknown {
  if (key === "toJSON") return undefined;
  if (typeof value !== "function") return value;
  if (key === "params" || key === "input" || key === "output") return undefined;
  const { type, guards, name } = value as { type?: unknown; guards?: unknown; name: string };
  if (Array.isArray(guards)) return { type: name || "guards", guards };
  if (typeof type === "string") return { type };
  return { type: name === "" || name === key ? "inline" : name };
}
