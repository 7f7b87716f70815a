import type { ExecutionScope } from "../core/execution-scope.ts";

/** One call of a manual or scripted orchestrator: which attempt of which execution, and with what. */
export interface OrchestratorCall<Input> {
  readonly executionId: string;
  readonly attempt: number;
  readonly input: Input;
}

export function toOrchestratorCall<Input>(input: Input, { executionId, attempt }: ExecutionScope): OrchestratorCall<Input> {
  return { executionId, attempt, input };
}
