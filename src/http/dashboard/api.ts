import type { ExecutionInfo } from "../../model/execution.ts";
import type { ExecutionEvent } from "../../model/execution-event.ts";

/** An execution as the API shows it. */
export type Execution = ExecutionInfo & { readonly stateValue?: StateValue; readonly accepts?: readonly string[] };

export type StateValue = string | { readonly [key: string]: StateValue };

export interface Page {
  readonly items: readonly Execution[];
  readonly nextCursor?: string;
}

export interface Stats {
  readonly process: {
    readonly mode: string;
    readonly maxConcurrent: number;
    readonly slotsTaken: number;
    readonly waiting: number;
    readonly abandoned: number;
    readonly unclaimable?: number;
  };
  readonly records: Readonly<Record<"queued" | "running" | "completed" | "failed" | "cancelled" | "total", number>>;
}

/** What a list is narrowed down to. */
export interface Filter {
  readonly status: string;
  readonly group: string;
  readonly tag: string;
}

/** What the server said no with: a problem document, or nothing that could be read. */
export class ApiProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Where the API is: beside this page. */
const base = new URL(".", document.baseURI);

export function apiUrl(path: string): URL {
  return new URL(path, base);
}

export function getStats(signal?: AbortSignal): Promise<Stats> {
  return request("stats", { signal: signal ?? null });
}

export function listExecutions(filter: Filter, limit: number, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
  const query = new URLSearchParams({ order: "newest", limit: String(limit) });
  for (const [name, value] of Object.entries({ ...filter, cursor: cursor ?? "" })) if (value !== "") query.set(name, value);
  return request(`executions?${query}`, { signal });
}

export function getExecution(id: string, signal?: AbortSignal): Promise<Execution> {
  return request(`executions/${encodeURIComponent(id)}`, { signal: signal ?? null });
}

/** What its store knows of its past, after this event. */
export async function getHistory(id: string, after: number, signal: AbortSignal): Promise<readonly ExecutionEvent[]> {
  const { items } = await request<{ items: ExecutionEvent[] }>(`executions/${encodeURIComponent(id)}/history?after=${after}`, { signal });
  return items;
}

export function cancelExecution(id: string, reason: string): Promise<Execution> {
  return post(`executions/${encodeURIComponent(id)}/cancel`, reason === "" ? {} : { reason });
}

export function sendSignal(id: string, signal: object): Promise<unknown> {
  return post(`executions/${encodeURIComponent(id)}/events`, signal);
}

/** The definition of a statechart; undefined where the coordinator has none of that name. */
export async function getMachine(name: string): Promise<MachineDefinition | undefined> {
  const { items } = await request<{ items: string[] }>("machines");
  return items.includes(name) ? request<MachineDefinition>(`machines/${name}`) : undefined;
}

/** As much of XState's definition as is drawn. */
export interface MachineDefinition {
  readonly id: string;
  readonly key: string;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  readonly initial?: { readonly target: readonly string[] };
  readonly states: Readonly<Record<string, MachineDefinition>>;
  readonly transitions: readonly TransitionDefinition[];
  readonly invoke: readonly { readonly src: unknown }[];
  readonly tags: readonly string[];
}

export interface TransitionDefinition {
  readonly eventType: string;
  readonly target?: readonly string[];
  readonly guard?: unknown;
}

async function request<Answer>(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(apiUrl(path), { ...init, headers: { accept: "application/json", ...init.headers } });
  if (response.ok) return (await response.json()) as Answer;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  throw new ApiProblem(response.status, problem.detail ?? problem.title ?? `the server answered ${response.status}`);
}

function post<Answer>(path: string, body: object): Promise<Answer> {
  return request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}
