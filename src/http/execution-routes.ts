import type { AnyCoordinator } from "../core/any-coordinator.ts";
import type { StartOptions } from "../core/coordinator-options.ts";
import { CoordinatorClosedError, ExecutionNotFoundError } from "../model/errors.ts";
import { type ExecutionInfo, type ExecutionQuery, isFinalStatus } from "../model/execution.ts";
import { type ApiRoute, apiRoute, json, jsonResponse } from "./api-route.ts";
import * as schemas from "./api-schemas.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { Problem } from "./problem.ts";
import { toJson, toListedExecution, toShownEvent, toShownExecution } from "./shown-execution.ts";

/** Operations on executions, without their event streams. */
export const executionRoutes: readonly ApiRoute[] = [
  apiRoute({
    method: "POST",
    path: "/executions",
    name: "startExecution",
    summary: "Starts an execution.",
    headers: { "Idempotency-Key": "the same key with an equal input gives the same execution, while its record is kept" },
    body: schemas.startSchema,
    responses: {
      202: {
        description: "accepted; it runs as soon as it has a slot",
        contentType: json,
        schema: schemas.startedSchema,
        headers: { Location: "the address of the execution" },
      },
    },
    problems: [400, 409, 413, 415, 422, 503],
    handle: async ({ context, request, body }) => {
      const idempotencyKey = idempotencyKeyOf(request);
      const options = { ...body.options, ...(idempotencyKey !== undefined && { idempotencyKey }) } as StartOptions;
      const id = await context.coordinator.start(body.input as never, options);
      return jsonResponse({ id }, 202, { location: `${context.basePath}/executions/${encodeURIComponent(id)}` });
    },
  }),
  apiRoute({
    method: "GET",
    path: "/executions",
    name: "listExecutions",
    summary: "One page of executions in the order of start, or its reverse, without their results.",
    query: schemas.listQuerySchema,
    responses: { 200: { description: "a page", contentType: json, schema: schemas.pageSchema } },
    problems: [422, 503],
    handle: async ({ context, query }) => {
      const { items, nextCursor } = await context.coordinator.list(query as ExecutionQuery);
      const shown = items.map((info) => toJson(toListedExecution(info)));
      const cursor = nextCursor === undefined ? "" : `,"nextCursor":${JSON.stringify(nextCursor)}`;
      return jsonResponse(`{"items":[${shown.join(",")}]${cursor}}`);
    },
  }),
  apiRoute({
    method: "GET",
    path: "/executions/{id}",
    name: "getExecution",
    summary: "One execution, with its result and what it accepts.",
    responses: { 200: { description: "the execution", contentType: json, schema: schemas.executionSchema } },
    problems: [404, 503],
    handle: async ({ context: { coordinator }, id }) => jsonResponse(await shownExecution(coordinator, id)),
  }),
  apiRoute({
    method: "GET",
    path: "/executions/{id}/history",
    name: "getHistory",
    summary: "What has happened to an execution in all processes, as far as its store keeps it (`maxStoredEvents`).",
    query: schemas.historyQuerySchema,
    responses: { 200: { description: "its stored events, oldest first", contentType: json, schema: schemas.historySchema } },
    problems: [404, 422, 503],
    handle: async ({ context: { coordinator }, id, query }) => {
      await infoOf(coordinator, id);
      const events = (await coordinator.history?.(id, query)) ?? [];
      return jsonResponse(`{"items":[${events.map((event) => toJson(toShownEvent(event))).join(",")}]}`);
    },
  }),
  apiRoute({
    method: "POST",
    path: "/executions/{id}/cancel",
    name: "cancelExecution",
    summary: "Asks an execution to stop. Its status tells when it has.",
    body: schemas.cancelSchema,
    emptyBody: {},
    responses: { 202: { description: "recorded", contentType: json, schema: schemas.acceptedSchema } },
    problems: [400, 404, 409, 413, 415, 422, 503],
    handle: async ({ context: { coordinator }, id, body }) => {
      const isRecorded = await coordinator.cancel(id, body.reason);
      if (isRecorded) return jsonResponse({ accepted: true }, 202);
      const { status } = await infoOf(coordinator, id);
      if (!isFinalStatus(status)) throw new CoordinatorClosedError("the coordinator is closed and cancels nothing more");
      throw new Problem("EXECUTION_ENDED", {
        detail: `execution ${JSON.stringify(id)} is ${status}`,
        members: { executionStatus: status },
      });
    },
  }),
  apiRoute({
    method: "POST",
    path: "/executions/{id}/events",
    name: "sendSignal",
    summary: "Offers a signal to the orchestrator of an execution; 409 names what it takes, where it is known not to take this.",
    body: schemas.signalSchema,
    responses: { 202: { description: "taken", contentType: json, schema: schemas.acceptedSchema } },
    problems: [400, 404, 409, 413, 415, 422, 503],
    handle: async ({ context: { coordinator }, id, body }) => {
      const answer = await coordinator.send(id, body, { ifAccepted: true });
      if (answer.accepted) return jsonResponse(answer, 202);
      if (answer.reason === "unknown") throw new ExecutionNotFoundError(id);
      if (answer.reason === "final") {
        throw new Problem("EXECUTION_ENDED", { detail: `execution ${JSON.stringify(id)} has ended`, members: { accepts: [] } });
      }
      const taken = answer.accepts.length === 0 ? "it takes none now" : `it takes ${answer.accepts.join(", ")}`;
      throw new Problem("SIGNAL_NOT_ACCEPTED", { detail: `${JSON.stringify(body.type)}: ${taken}`, members: { accepts: answer.accepts } });
    },
  }),
];

/** @throws {ExecutionNotFoundError} */
export async function infoOf(coordinator: AnyCoordinator, id: string): Promise<ExecutionInfo> {
  const info = await coordinator.getStatus(id);
  if (info === undefined) throw new ExecutionNotFoundError(id);
  return info;
}

/** One execution as JSON. @throws {ExecutionNotFoundError} */
export async function shownExecution(coordinator: AnyCoordinator, id: string): Promise<string> {
  const info = await infoOf(coordinator, id);
  const orchestrator = info.status === "running" ? await coordinator.getOrchestratorState(id) : undefined;
  return toJson(toShownExecution(info, orchestrator));
}
