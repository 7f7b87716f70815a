export type { ContractCase } from "./contract/contract-case.ts";
export { executionQueueContract, type QueueWorld } from "./contract/execution-queue-contract.ts";
export { executionStoreContract } from "./contract/execution-store-contract.ts";
export type { StoreWorld } from "./contract/store-world.ts";
export {
  createManualOrchestrator,
  type ManualOrchestrator,
  type ManualOrchestratorOptions,
} from "./manual-orchestrator.ts";
export type { OrchestratorCall } from "./orchestrator-call.ts";
export {
  createScriptedOrchestrator,
  type OrchestratorScript,
  type ScriptedOrchestrator,
  type ScriptedOrchestratorOptions,
  type ScriptedStep,
} from "./scripted-orchestrator.ts";
export { seededRandom } from "./seeded-random.ts";
export { sequentialIds } from "./sequential-ids.ts";
export { SimulationFailure, type SimulationOptions, type SimulationReport, simulate } from "./simulation/simulate.ts";
export { type SimulatedFault, simulatedFaults } from "./simulation/simulated-faults.ts";
export { type StatusSource, type StatusSpy, spyOnStatus } from "./status-spy.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
