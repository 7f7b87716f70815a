import type { DurableCoordinator } from "../core/durable-coordinator.ts";
import { isInternal, Problem, toProblemResponse } from "../http/problem.ts";
import { secured } from "../http/response-headers.ts";
import { toJson, toShownExecution } from "../http/shown-execution.ts";
import { ExecutionNotFoundError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";

/** Settings of `createStatusHandler`. */
export interface StatusHandlerOptions {
  coordinator: Pick<DurableCoordinator<never, unknown>, "getStatus">;
  /** The id that a request asks about; by default the last part of its path. */
  idOf?(request: Request): string;
  /** Told what goes wrong inside; nothing is done by default. */
  onError?(error: unknown): void;
}

/**
 * Makes a handler of requests that ask about an execution: 200 with its record, or 404.
 *
 * @throws {InvalidOptionsError}
 */
export function createStatusHandler(options: StatusHandlerOptions): (request: Request) => Promise<Response> {
  check.fields({ coordinator: check.having("getStatus"), idOf: check.callable, onError: check.callable }, ["coordinator"])(
    options,
    "options",
  );
  const { coordinator, idOf = lastOfPath, onError } = options;
  return async (request) => {
    try {
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new Problem("METHOD_NOT_ALLOWED", { headers: { allow: "GET, HEAD" } });
      const id = idOf(request);
      const info = await coordinator.getStatus(id);
      if (info === undefined) throw new ExecutionNotFoundError(id);
      const body = request.method === "HEAD" ? null : toJson(toShownExecution(info, undefined));
      return secured(new Response(body, { headers: { "content-type": "application/json" } }));
    } catch (error) {
      if (isInternal(error)) onError?.(error);
      return secured(toProblemResponse(error));
    }
  };
}

/** @throws {Problem} when it is no id. */
function lastOfPath({ url }: Request): string {
  const [last = ""] = new URL(url).pathname.split("/").slice(-1);
  try {
    return decodeURIComponent(last);
  } catch {
    throw new Problem("NOT_FOUND");
  }
}
