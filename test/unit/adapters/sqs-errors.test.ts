import { expect, test } from "vitest";
import { toQueueError } from "../../../src/adapters/aws/sqs-errors.ts";
import { CoordinatorClosedError } from "../../../src/model/errors.ts";
import { StoreUnavailableError } from "../../../src/model/store-errors.ts";

const error = (fields: object) => Object.assign(new Error("told by the SDK"), fields);

test.each([
  { code: "ECONNREFUSED" },
  { code: "EPIPE" },
  { name: "TimeoutError" },
  { name: "AbortError" },
  { name: "InternalError", $fault: "server" },
  { name: "ThrottlingException", $fault: "client" },
  { name: "RequestThrottled", $fault: "client" },
  { name: "KmsThrottled", $fault: "client" },
  { name: "Any", $fault: "client", $retryable: { throttling: true } },
  { name: "SyntaxError", $response: {}, $metadata: {} },
  { name: "AWS.SimpleQueueService.QueueDeletedRecently", $fault: "client" },
])("nobody knows what became of a call that ended with %j", (fields) => {
  const cause = error(fields);
  const told = toQueueError(cause);
  expect(told).toBeInstanceOf(StoreUnavailableError);
  expect(told).toMatchObject({ cause, message: expect.stringContaining("told by the SDK") });
});

test.each([
  { name: "AccessDenied", $fault: "client" },
  { name: "InvalidClientTokenId", $fault: "client", $metadata: { httpStatusCode: 403 } },
  { name: "CredentialsProviderError" },
  {},
])("%j is an answer, and passed on", (fields) => {
  const cause = error(fields);
  expect(toQueueError(cause)).toBe(cause);
});

test("errors of this library are passed on", () => {
  const closed = new CoordinatorClosedError();
  expect(toQueueError(closed)).toBe(closed);
});
