import { type AnyMachineSnapshot, type AnyStateMachine, getNextTransitions, type StateValue } from "xstate";
import { orchestratorMachine } from "../../machines/orchestrator-machine.ts";
import type { Checkpoint } from "../model/checkpoint.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { StoredExecution } from "../model/stored-execution.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/** The statechart that an orchestrator follows; undefined for a function. */
export function machineOf(orchestrator: AnyOrchestrator): AnyStateMachine | undefined {
  if (typeof orchestrator === "function") return undefined;
  return orchestrator instanceof AutonomousOrchestrator ? orchestratorMachine : (orchestrator as AnyStateMachine);
}

/** What XState itself sends is nobody else's to send: a signal cannot play a timer or an actor of the machine. */
export function isForeignSignal(type: string): boolean {
  return !type.startsWith("xstate.");
}

/** Event types that have a transition now and may come from outside. */
export function acceptedSignals(snapshot: AnyMachineSnapshot, isSignal: (type: string) => boolean): string[] {
  if (snapshot.status !== "active") return [];
  const types = getNextTransitions(snapshot).map(({ eventType }) => eventType);
  return [...new Set(types)].filter((type) => type !== "" && isSignal(type)).sort();
}

/** What the checkpoint of a machine tells of one that does not run in this process; undefined where it tells nothing. */
export function savedState(
  { checkpoint, status, cancelRequestedAt }: StoredExecution,
  orchestrator: AnyOrchestrator,
  machineVersion: string | undefined,
): OrchestratorState | undefined {
  if (
    status !== "running" ||
    checkpoint === undefined ||
    typeof orchestrator !== "object" ||
    orchestrator instanceof AutonomousOrchestrator
  ) {
    return undefined;
  }
  const machine = orchestrator as AnyStateMachine;
  const { machineId, version, snapshot } = JSON.parse(checkpoint.body) as Checkpoint;
  if (machineId !== machine.id || version !== machineVersion) return undefined;
  const { value, context } = snapshot as { value: StateValue; context: unknown };
  try {
    const accepts = cancelRequestedAt === undefined ? acceptedSignals(machine.resolveState({ value, context }), isForeignSignal) : [];
    return { value, accepts };
  } catch {
    // A state that this machine does not have any more.
    return undefined;
  }
}
