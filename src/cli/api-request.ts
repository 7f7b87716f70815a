import { CommandError } from "./command-error.ts";

/** How long an answer may take. */
const answerMs = 10_000;

/** A problem document (RFC 9457) that came as an answer. */
export interface ApiProblem {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  /** Of a signal that is not accepted: those that are. */
  readonly accepts?: readonly string[];
}

/** What came back: the body of a good answer, or a problem. */
export type ApiAnswer<Body> = { readonly body: Body; readonly problem?: never } | { readonly problem: ApiProblem };

/** Asks an HTTP API of actorfleet. */
export class ApiRequests {
  readonly #base: string;
  readonly #headers: Headers;

  /** @throws {CommandError} */
  constructor(url: string, headers: readonly string[]) {
    this.#base = toBase(url);
    this.#headers = new Headers(headers.map(toHeader));
  }

  /** @throws {CommandError} when there is no such API there, or it does not let us in. */
  async ask<Body>(method: "GET" | "POST", path: string, body?: object): Promise<ApiAnswer<Body>> {
    const headers = new Headers(this.#headers);
    headers.set("accept", "application/json");
    if (body !== undefined) headers.set("content-type", "application/json");
    const { ok, status, text } = await this.#fetch(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const answer = toObject(text);
    if (ok && answer !== undefined) return { body: answer as Body };
    if (status === 401 || status === 403) throw new CommandError("unreachable", "ACCESS_REFUSED", this.#refusal(answer));
    if (ok || typeof answer?.code !== "string" || answer.code === "NOT_FOUND") {
      const what = `${this.#base} does not answer ${method} ${path} as an HTTP API of actorfleet does (status ${status}).`;
      throw new CommandError("unreachable", "NOT_AN_API", what);
    }
    return { problem: { ...answer, status, code: answer.code } };
  }

  async #fetch(path: string, request: RequestInit): Promise<{ ok: boolean; status: number; text: string }> {
    try {
      const response = await fetch(`${this.#base}${path}`, { ...request, signal: AbortSignal.timeout(answerMs) });
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch (error) {
      throw new CommandError("unreachable", "SERVER_UNREACHABLE", `${this.#base} cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
  }

  #refusal(answer: Record<string, unknown> | undefined): string {
    const why = answer?.detail ?? answer?.title ?? "it does not say why";
    return `${this.#base} refuses access: ${why}. Add --header 'authorization: …' with what it asks for.`;
  }
}

/** A problem that no command expects. */
export function toCommandError({ status, code, title, detail }: ApiProblem): CommandError {
  const ending = status >= 500 ? "unreachable" : "refused";
  return new CommandError(ending, code, detail ?? title ?? `the server answers with status ${status} and ${code}`);
}

function toBase(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CommandError("usage", "URL_INVALID", `--url: expected http://HOST:PORT or https://…, got ${url}`);
  }
  return url.replace(/\/+$/, "");
}

function toHeader(header: string): [string, string] {
  const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(header) ?? [];
  if (name === undefined || value === undefined) throw new CommandError("usage", "HEADER_INVALID", "--header: expected 'name: value'");
  return [name, value];
}

function toObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === "TimeoutError") return `no answer within ${answerMs / 1_000} seconds`;
  const { code, message: inner } = (cause ?? {}) as { code?: string; message?: string };
  return inner || code || message;
}
