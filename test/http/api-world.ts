import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import type { AnyCoordinator } from "../../src/core/any-coordinator.ts";
import { type Coordinator, createCoordinator } from "../../src/core/coordinator.ts";
import type { CoordinatorOptions } from "../../src/core/coordinator-options.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "../../src/core/orchestrator.ts";
import { createHttpApi, type HttpApi } from "../../src/http/http-api.ts";
import type { HttpApiOptions } from "../../src/http/http-api-options.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says itself what it expects in there
  readonly body: any;
}

/** Calls an API as a program on the same machine would. */
export function caller(api: Pick<HttpApi, "fetch">) {
  const call = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await api.fetch(new Request(`http://localhost${path}`, { method, ...init }));
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    get: (path: string, headers: Record<string, string> = {}) => call("GET", path, { headers }),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      call("POST", path, { body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } }),
    call,
  };
}

export type Call = ReturnType<typeof caller>;

/** A coordinator of either kind behind an API; closed by `close`. */
export function apiOver<O extends AnyOrchestrator>(
  kind: CoordinatorKind,
  options: CoordinatorOptions<O>,
  apiOptions: HttpApiOptions = {},
): { coordinator: Coordinator<InputOf<O>, OutputOf<O>> | DurableCoordinator<InputOf<O>, OutputOf<O>>; close(): Promise<void> } & Call {
  const store = createMemoryStore();
  const coordinator =
    kind === "in memory" ? createCoordinator(options) : createDurableCoordinator({ name: "api", store, pollMs: 5, ...options });
  const api = createHttpApi(coordinator as AnyCoordinator, apiOptions);
  return {
    coordinator,
    ...caller(api),
    close: async () => {
      api.close();
      await coordinator.close({ mode: "cancel", deadlineMs: 1_000 });
      await store.close();
    },
  };
}

export const coordinatorKinds = ["in memory", "durable"] as const;

export type CoordinatorKind = (typeof coordinatorKinds)[number];
