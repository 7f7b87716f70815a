import { expect, it } from "vitest";
import * as errors from "../../../src/model/errors.ts";
import { toSerializedError } from "../../../src/model/serialized-error.ts";

it("every error is an ActorfleetError with its own name and code", () => {
  const made = [
    new errors.InvalidOptionsError({ field: "a.b", expected: "a number", received: "x" }),
    new errors.InvalidInputError([{ message: "is bad", path: ["a", 0] }]),
    new errors.CapacityExceededError({ maxConcurrent: 1, maxQueued: 2, queued: 2 }),
    new errors.DuplicateExecutionError("id"),
    new errors.IdempotencyConflictError("key", "id"),
    new errors.StartAbortedError("why"),
    new errors.CoordinatorClosedError(),
    new errors.ExecutionNotFoundError("id"),
    new errors.ExecutionCancelledError("id", "why"),
    new errors.ExecutionTimeoutError("id", 5),
    new errors.ExecutionFailedError("id", { name: "Error", message: "no" }),
    new errors.NonRetryableError("no"),
    new errors.WaitTimeoutError("id", 5),
    new errors.SerializationError("input", "it is a Map"),
  ];
  for (const error of made) {
    expect(errors.ActorfleetError.isInstance(error)).toBe(true);
    expect(error.name).toBe(error.constructor.name);
    expect(error.message).not.toBe("");
  }
  expect(new Set(made.map(({ code }) => code)).size).toBe(made.length);
});

it("tells what, which and what came", () => {
  const error = new errors.InvalidOptionsError({ field: "retry.maxAttempts", expected: "a whole number >= 1", received: 0 });
  expect(error.message).toBe("retry.maxAttempts: expected a whole number >= 1, got 0");
  expect(new errors.InvalidInputError([{ message: "is bad", path: ["a", 0] }]).message).toBe("input.a.0: is bad");
});

it("nothing but an error of this library is an ActorfleetError", () => {
  for (const value of [undefined, null, 3, "x", {}, new Error("x")]) expect(errors.ActorfleetError.isInstance(value)).toBe(false);
});

it.each([
  [undefined, { name: "Error", message: "undefined" }],
  [null, { name: "Error", message: "null" }],
  [Symbol("s"), { name: "Error", message: "Symbol(s)" }],
  ["text", { name: "Error", message: "text" }],
  [{ a: 1 }, { name: "Error", message: '{"a":1}' }],
  [Object.create(null), { name: "Error", message: "[object Object]" }],
])("whatever was thrown becomes data: %o", (thrown, serialized) => {
  expect(toSerializedError(thrown)).toEqual(serialized);
});

it("follows causes, round ones too, at most five deep", () => {
  const error = new Error("round");
  error.cause = error;
  let depth = 0;
  for (let at: ReturnType<typeof toSerializedError> | undefined = toSerializedError(error); at !== undefined; at = at.cause) depth += 1;
  expect(depth).toBe(6);
});
