import { ActorfleetError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? "");

/** Another transaction was in the way; the same call may succeed now. */
export function isCollision(error: unknown): boolean {
  return ["40001", "40P01", "55P03"].includes(codeOf(error));
}

/** The data cannot be stored: text that is no text, or larger than the server takes. */
export function isDataError(error: unknown): boolean {
  return /^(22|54)/.test(codeOf(error)) && !isUnavailable(error);
}

/** Connection, shutdown, resources, disk: the server, not the call. */
function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (/^(08|53|57P|58|25006|40001|40P01|55P03|57014|3D000)/.test(code)) return true;
  if (/^E[A-Z_]+$/.test(code)) return true;
  return code === "" && /terminat|timeout|connect|socket|closed/i.test(String((error as Error | undefined)?.message));
}

export function toStoreError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error) || !isUnavailable(error)) return error;
  return new StoreUnavailableError(`Postgres: ${(error as Error).message || codeOf(error)}`, error);
}
