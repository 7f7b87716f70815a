import { describe, expect, it } from "vitest";
import { toPointer, toProblemResponse } from "../../src/http/problem.ts";
import { problemKind, problemKinds } from "../../src/http/problem-kinds.ts";
import * as library from "../../src/index.ts";
import { documentedErrors } from "../support/readme-blocks.ts";

const { InvalidOptionsError, StoreUnavailableError, CapacityExceededError } = library;

describe("problem documents", () => {
  it("have a kind for every code that an error of this library can have", () => {
    const codes = documentedErrors().map(({ code }) => code);
    expect(codes.filter((code) => !Object.hasOwn(problemKinds, code))).toEqual([]);
  });

  it("say when to come back if the store is away, and not where the store is", async () => {
    const response = toProblemResponse(new StoreUnavailableError("Postgres: connect ECONNREFUSED 10.1.2.3:5432"));
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.text()).not.toContain("10.1.2.3");
  });

  it("have the members of RFC 9457 and their media type", async () => {
    const response = toProblemResponse(new CapacityExceededError({ maxConcurrent: 1, maxQueued: 0, queued: 0 }));
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const problem = (await response.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({ type: "urn:actorfleet:problem:capacity-exceeded", title: "The queue is full", status: 503 });
    expect(problem.detail).toMatch(/maxQueued 0/);
  });

  it("tell nothing of what is not ours", async () => {
    for (const thrown of [new Error("at /srv/app.ts:3"), "text", undefined, null, { code: "OPTIONS_INVALID" }]) {
      const response = toProblemResponse(thrown);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({
        type: "urn:actorfleet:problem:internal-error",
        title: problemKind("INTERNAL_ERROR").title,
        status: 500,
        code: "INTERNAL_ERROR",
      });
    }
  });

  it("point at an option by its path", async () => {
    const error = new InvalidOptionsError({ field: "retry.backoff.delayMs", expected: "milliseconds >= 0", received: -1 });
    expect(await toProblemResponse(error).json()).toMatchObject({ errors: [{ pointer: "#/options/retry/backoff/delayMs" }] });
    const inQuery = new InvalidOptionsError({ field: "query.cursor", expected: "the nextCursor of a page", received: "!" });
    expect(await toProblemResponse(inQuery).json()).toMatchObject({ errors: [{ parameter: "cursor" }] });
  });

  it("write pointers as their standard has it", () => {
    expect(toPointer([])).toBe("#");
    expect(toPointer(["a/b", "c~d", 0, "e f", "\ud800"])).toBe("#/a~1b/c~0d/0/e%20f/%EF%BF%BD");
  });
});
