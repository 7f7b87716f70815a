import { Hono } from "hono";
import type * as z from "zod";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { createSystemClock } from "../core/system-clock.ts";
import { ExecutionNotFoundError } from "../model/errors.ts";
import type { ApiContext, ApiRoute } from "./api-route.ts";
import { storableText } from "./api-schemas.ts";
import { createDashboard } from "./dashboard.ts";
import { EventHub } from "./event-hub.ts";
import { eventRoutes } from "./event-routes.ts";
import { executionRoutes } from "./execution-routes.ts";
import { checkHttpApiOptions, type HttpApiOptions } from "./http-api-options.ts";
import { readJsonBody } from "./json-body.ts";
import { toOpenApi } from "./openapi-document.ts";
import { type FieldProblem, isInternal, Problem, toPointer, toProblemResponse } from "./problem.ts";
import { RequestGate } from "./request-gate.ts";
import { secured } from "./response-headers.ts";
import { serverRoutes } from "./server-routes.ts";

/** A coordinator behind HTTP. */
export interface HttpApi {
  /** Answers one request. Never rejects; usable without its object. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Ends its event streams. The coordinator goes on. */
  close(): void;
}

/** Every operation; the OpenAPI document and README have the same. */
export const apiRoutes: readonly ApiRoute[] = [...executionRoutes, ...eventRoutes, ...serverRoutes];

/**
 * Puts a coordinator, in memory or durable, behind a web-standard `fetch`, to be mounted in any server.
 *
 * @example
 * ```ts
 * const api = createHttpApi(coordinator, { authorize: (request) => request.headers.get("authorization") === `Bearer ${token}` });
 * export default { fetch: api.fetch };
 * ```
 * @throws {InvalidOptionsError}
 */
export function createHttpApi(coordinator: AnyCoordinator, options: HttpApiOptions = {}): HttpApi {
  checkHttpApiOptions(options);
  const { basePath = "", dashboard = false, clock = createSystemClock(), maxBodyBytes = 1_048_576 } = options;
  const hub = new EventHub({
    coordinator,
    clock,
    maxReplayedEvents: options.maxReplayedEvents ?? 10_000,
    maxClients: options.maxEventClients ?? 10_000,
    heartbeatMs: options.heartbeatMs ?? 15_000,
  });
  let document: string | undefined;
  const openApi = () => {
    document ??= toOpenApi(apiRoutes, basePath);
    return document;
  };
  const context: ApiContext = { coordinator, hub, basePath, openApi };
  const gate = new RequestGate(options);
  const app = createApp(context, maxBodyBytes);
  if (dashboard !== false) mountDashboard(app, basePath, createDashboard(dashboard));

  const answer = async (request: Request): Promise<Response> => {
    try {
      return secured((await gate.check(request)) ?? (await app.fetch(request)));
    } catch (error) {
      if (isInternal(error)) report(options, error);
      return secured(toProblemResponse(error));
    }
  };
  return {
    fetch: async (request) => {
      const response = await answer(request);
      gate.share(request, response);
      return response;
    },
    close: () => hub.close(),
  };
}

function createApp(context: ApiContext, maxBodyBytes: number): Hono {
  const root = new Hono();
  const app = context.basePath === "" ? root : root.basePath(context.basePath);
  const methods = new Map<string, string[]>();
  for (const route of apiRoutes) {
    const path = route.path.replaceAll(/\{\w+\}/g, ":id");
    methods.set(path, [...(methods.get(path) ?? []), route.method]);
    app.on(route.method, path, async (c) => handle(route, context, c.req.raw, c.req.param("id") ?? "", maxBodyBytes));
  }
  for (const [path, known] of methods) {
    const allow = known.includes("GET") ? ["GET", "HEAD", ...known.filter((method) => method !== "GET")] : known;
    app.all(path, () => {
      throw new Problem("METHOD_NOT_ALLOWED", { detail: `known are ${allow.join(", ")}`, headers: { allow: allow.join(", ") } });
    });
  }
  root.notFound(() => {
    throw new Problem("NOT_FOUND", { detail: `see ${context.basePath}/openapi.json` });
  });
  root.onError((error) => {
    throw error;
  });
  return root;
}

function mountDashboard(app: Hono, basePath: string, answer: (request: Request, path: string) => Promise<Response>): void {
  const page = `${basePath}/`;
  app.get(page, (c) => answer(c.req.raw, ""));
  // Its page names its files relative to itself.
  if (basePath !== "") app.get(basePath, () => new Response(null, { status: 308, headers: { location: page } }));
  app.get(`${page}assets/*`, (c) => answer(c.req.raw, c.req.path.slice(page.length)));
}

async function handle(route: ApiRoute, context: ApiContext, request: Request, id: string, maxBodyBytes: number): Promise<Response> {
  if (route.path.includes("{id}") && !storableText.safeParse(id).success) throw new ExecutionNotFoundError(id);
  const query = readQuery(route, new URL(request.url).searchParams);
  const body = await readBody(route, request, maxBodyBytes);
  return route.handle({ context, request, id, query: query as never, body: body as never });
}

function readQuery({ query }: ApiRoute, parameters: URLSearchParams): unknown {
  const repeated = [...parameters.keys()].find((name) => parameters.getAll(name).length > 1);
  if (repeated !== undefined) throw invalid([{ parameter: repeated, detail: "is given more than once" }]);
  if (query === undefined) return undefined;
  return checked(query, Object.fromEntries(parameters), (path, detail) => ({ parameter: path.join("."), detail }));
}

async function readBody({ body, emptyBody }: ApiRoute, request: Request, maxBodyBytes: number): Promise<unknown> {
  if (body === undefined) return undefined;
  const value = (await readJsonBody(request, maxBodyBytes)) ?? emptyBody;
  if (value === undefined) throw new Problem("REQUEST_MALFORMED", { detail: "the body is empty" });
  checked(body, value, (path, detail) => ({ pointer: toPointer(path), detail }));
  return value;
}

function checked(schema: z.ZodType, value: unknown, toField: (path: readonly PropertyKey[], detail: string) => FieldProblem): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw invalid(
    error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => toField([...issue.path, key], "there is no such field"))
        : [toField(issue.path, issue.message)],
    ),
  );
}

function invalid(errors: readonly FieldProblem[]): Problem {
  const [first] = errors;
  const where = first === undefined ? "" : "pointer" in first ? first.pointer : "parameter" in first ? first.parameter : first.header;
  return new Problem("FIELDS_INVALID", { detail: `${where}: ${first?.detail}`, errors: errors.slice(0, 20) });
}

function report({ onError }: HttpApiOptions, error: unknown): void {
  try {
    onError?.(error);
  } catch {
    // There is nobody left to tell.
  }
}
