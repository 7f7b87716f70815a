import type * as z from "zod";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import type { EventHub } from "./event-hub.ts";

/** What the handlers of all routes share. */
export interface ApiContext {
  readonly coordinator: AnyCoordinator;
  readonly hub: EventHub;
  /** `""` at the root. */
  readonly basePath: string;
  /** The OpenAPI document as JSON. */
  openApi(): string;
}

/** A request that was found right. */
export interface ApiRequest<Query, Body> {
  readonly context: ApiContext;
  readonly request: Request;
  /** The part of the path that is `{id}` or `{name}`; empty where there is none. */
  readonly id: string;
  readonly query: Query;
  readonly body: Body;
}

interface ApiResponse {
  readonly description: string;
  readonly contentType: string;
  /** Of the body, where it is JSON. */
  readonly schema?: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
}

interface ApiRouteOf<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "GET" | "POST";
  /** As in OpenAPI: `/executions/{id}`. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly query?: Query;
  /** Headers with a meaning of their own, with their description. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** What an empty body stands for; without it, there must be a body. */
  readonly emptyBody?: z.output<Body>;
  readonly responses: Readonly<Record<number, ApiResponse>>;
  /** Status codes of problems that are its own. */
  readonly problems: readonly number[];
  handle(request: ApiRequest<z.output<Query>, z.output<Body>>): Response | Promise<Response>;
}

/** One operation: what a request may be, what comes back, and the code between them. */
export type ApiRoute = Omit<ApiRouteOf<z.ZodType, z.ZodType>, "handle"> & {
  handle(request: ApiRequest<never, never>): Response | Promise<Response>;
};

/** Lets the types of the handler follow from the schemas. */
export function apiRoute<Query extends z.ZodType = z.ZodUndefined, Body extends z.ZodType = z.ZodUndefined>(
  route: ApiRouteOf<Query, Body>,
): ApiRoute {
  return route;
}

export function jsonResponse(body: string | object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new Response(text, { status, headers: { "content-type": "application/json", ...headers } });
}

export const json = "application/json";
