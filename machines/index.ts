export { type ExecutionContext, type ExecutionInput, type ExecutionMachineEvent, executionMachine } from "./execution-machine.ts";
export { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "./supervisor-machine.ts";
