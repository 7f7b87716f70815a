import type { DurableCoordinator } from "../core/durable-coordinator.ts";
import type { DurableStartOptions } from "../core/durable-options.ts";
import { idempotencyKeyOf } from "../http/idempotency-key.ts";
import { readJsonBody } from "../http/json-body.ts";
import { isInternal, Problem, toProblemResponse } from "../http/problem.ts";
import { secured } from "../http/response-headers.ts";
import * as check from "../model/option-check.ts";

/** What a request starts. */
export interface AcceptedStart<Input> {
  readonly input: Input;
  readonly options?: Omit<DurableStartOptions, "transaction">;
}

/** Settings of `createAcceptHandler`. */
export interface AcceptHandlerOptions<Input> {
  /** Its role is `client`: what it accepts runs elsewhere. */
  coordinator: Pick<DurableCoordinator<Input, unknown>, "start">;
  /** What a body means; by default it is the input itself. An `ActorfleetError` that it throws is told to the caller. */
  toStart?(body: unknown, request: Request): AcceptedStart<Input> | Promise<AcceptedStart<Input>>;
  /** Where to ask about an execution; by default its id below the address of the request. */
  statusUrl?(id: string, request: Request): string;
  /** Larger bodies are refused; 6 291 456. */
  maxBodyBytes?: number;
  /** Told what goes wrong inside; nothing is done by default. */
  onError?(error: unknown): void;
}

/**
 * Makes a handler of requests that start executions: the execution is stored, its id is published, and the answer is 202 with
 * `{ id, statusUrl }`. A refusal is a problem document (RFC 9457). The header `Idempotency-Key` makes a repeated request start once.
 *
 * @example
 * ```ts
 * const accept = createAcceptHandler({ coordinator });
 * const response = await accept(new Request("https://example.org/reports", { method: "POST", body, headers }));
 * ```
 * @throws {InvalidOptionsError}
 */
export function createAcceptHandler<Input>(options: AcceptHandlerOptions<Input>): (request: Request) => Promise<Response> {
  check.fields(
    {
      coordinator: check.having("start"),
      toStart: check.callable,
      statusUrl: check.callable,
      maxBodyBytes: check.wholeNumber(1),
      onError: check.callable,
    },
    ["coordinator"],
  )(options, "options");
  const { coordinator, toStart = asInput<Input>, statusUrl = belowRequest, maxBodyBytes = 6_291_456, onError } = options;
  return async (request) => {
    try {
      if (request.method !== "POST") throw new Problem("METHOD_NOT_ALLOWED", { headers: { allow: "POST" } });
      const body = await readJsonBody(request, maxBodyBytes);
      const idempotencyKey = idempotencyKeyOf(request);
      const start = await toStart(body, request);
      const id = await coordinator.start(start.input, { ...(idempotencyKey !== undefined && { idempotencyKey }), ...start.options });
      const address = statusUrl(id, request);
      const headers = { "content-type": "application/json", location: address };
      return secured(new Response(JSON.stringify({ id, statusUrl: address }), { status: 202, headers }));
    } catch (error) {
      if (isInternal(error)) onError?.(error);
      return secured(toProblemResponse(error));
    }
  };
}

/** The coordinator checks it. */
function asInput<Input>(body: unknown): AcceptedStart<Input> {
  return { input: body as Input };
}

function belowRequest(id: string, request: Request): string {
  const { origin, pathname } = new URL(request.url);
  return `${origin}${pathname.replace(/\/$/, "")}/${encodeURIComponent(id)}`;
}
