import { ActorfleetError, InvalidInputError, InvalidOptionsError } from "../model/errors.ts";
import { SettingsError } from "../model/settings-error.ts";
import { isProblemCode, type ProblemCode, problemKind } from "./problem-kinds.ts";

/** Where in a request something is wrong: a JSON pointer into the body, a parameter of the address, or a header. */
export type FieldProblem = { readonly detail: string } & (
  | { readonly pointer: string }
  | { readonly parameter: string }
  | { readonly header: string }
);

interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ends the handling of a request with a problem document. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? problemKind(code).title);
    this.code = code;
    this.details = details;
  }
}

/** As RFC 9457 has it. */
export function toProblemResponse(thrown: unknown): Response {
  const { code, details } = toProblem(thrown);
  const { status, title, retryAfter, hidesDetail } = problemKind(code);
  const { detail, errors, members, headers } = details;
  const body = {
    type: `urn:actorfleet:problem:${code.toLowerCase().replaceAll("_", "-")}`,
    title,
    status,
    ...(detail !== undefined && !hidesDetail && { detail }),
    code,
    ...(errors !== undefined && { errors }),
    ...members,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      ...headers,
    },
  });
}

/** Whether what was thrown is none of the caller's business, and so the owner's. */
export function isInternal(thrown: unknown): boolean {
  return problemKind(toProblem(thrown).code).status === 500;
}

function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (!ActorfleetError.isInstance(thrown) || !isProblemCode(thrown.code)) return new Problem("INTERNAL_ERROR");
  const errors = fieldProblems(thrown);
  return new Problem(thrown.code, { detail: thrown.message, ...(errors !== undefined && { errors }) });
}

function fieldProblems(error: ActorfleetError): FieldProblem[] | undefined {
  if (error instanceof InvalidInputError) {
    return error.issues.map(({ path, message }) => ({ pointer: toPointer(["input", ...path]), detail: message }));
  }
  if (error instanceof InvalidOptionsError) {
    const { field, message } = error;
    if (field.startsWith("query.")) return [{ parameter: field.slice("query.".length), detail: message }];
    return [{ pointer: toPointer(field === "event" ? [] : ["options", ...field.split(/[.[\]]+/).filter(Boolean)]), detail: message }];
  }
  if (error instanceof SettingsError) {
    return error.problems.map(({ path, message }) => ({
      pointer: toPointer(["options", "settings", ...path.split(".")]),
      detail: message,
    }));
  }
  return undefined;
}

/** A JSON pointer as a fragment, as in the examples of RFC 9457. */
export function toPointer(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return `#${steps.map((step) => encodeURI(step.replaceAll(/\p{Surrogate}/gu, "\ufffd"))).join("")}`;
}
