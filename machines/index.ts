export { type ExecutionContext, type ExecutionInput, type ExecutionMachineEvent, executionMachine } from "./execution-machine.ts";
export { orchestratorMachine } from "./orchestrator-machine.ts";
export type { OrchestratorContext, OrchestratorEvent, OrchestratorFact, OrchestratorInput } from "./orchestrator-setup.ts";
export { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "./supervisor-machine.ts";
export { type WorkerMode, type WorkerModeEvent, workerMachine } from "./worker-machine.ts";
