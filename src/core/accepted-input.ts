import type { StandardSchemaV1 } from "@standard-schema/spec";
import { InvalidInputError } from "../model/errors.ts";
import { isRequest } from "../model/run-task.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/**
 * The input of a start as the schema gave it back, or as it came where there is no schema.
 *
 * @throws {InvalidInputError} when the schema refuses it, or when it is no request and the orchestrator is an autonomous one.
 */
export function acceptedInput(
  orchestrator: AnyOrchestrator,
  result: StandardSchemaV1.Result<unknown> | undefined,
  input: unknown,
): unknown {
  if (result?.issues !== undefined) {
    throw new InvalidInputError(
      result.issues.map(({ message, path = [] }) => ({ message, path: path.map((step) => (typeof step === "object" ? step.key : step)) })),
    );
  }
  const accepted = result === undefined ? input : result.value;
  if (orchestrator instanceof AutonomousOrchestrator && !isRequest(accepted)) {
    throw new InvalidInputError([{ path: [], message: "expected a request { id: string, prompt: string }" }]);
  }
  return accepted;
}
