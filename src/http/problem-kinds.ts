/** What a problem document says of one kind of problem. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** Its message may name hosts, files or code of the server: it stays inside. */
  readonly hidesDetail?: true;
  /** After how many seconds it is worth to try again. */
  readonly retryAfter?: number;
}

/** Problems of a request itself, before any coordinator is asked. */
const requestProblems = {
  REQUEST_MALFORMED: { status: 400, title: "The request cannot be read" },
  ACCESS_REFUSED: { status: 403, title: "The request is not authorized" },
  ORIGIN_REFUSED: { status: 403, title: "Requests from this origin are refused" },
  HOST_REFUSED: { status: 421, title: "This host name is not served here" },
  NOT_FOUND: { status: 404, title: "There is nothing at this address" },
  METHOD_NOT_ALLOWED: { status: 405, title: "This method is not known here" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  URL_TOO_LONG: { status: 414, title: "The address is too long" },
  BODY_NOT_JSON: { status: 415, title: "The body must be application/json" },
  FIELDS_INVALID: { status: 422, title: "Some fields have values they cannot have" },
  HEADERS_TOO_LARGE: { status: 431, title: "The headers are too large" },
  SIGNAL_NOT_ACCEPTED: { status: 409, title: "The execution does not take this signal now" },
  EXECUTION_ENDED: { status: 409, title: "The execution has ended already" },
  TOO_MANY_EVENT_CLIENTS: { status: 503, title: "No more event streams are served", retryAfter: 5 },
  INTERNAL_ERROR: { status: 500, title: "Something went wrong inside", hidesDetail: true },
} as const satisfies Record<string, ProblemKind>;

/** One for each code of an `ActorfleetError`. */
const errorProblems = {
  OPTIONS_INVALID: { status: 422, title: "An option has a value it cannot have" },
  INPUT_INVALID: { status: 422, title: "The input was refused by its schema" },
  SETTINGS_INVALID: { status: 422, title: "The settings cannot be used" },
  SETTINGS_FILE_NOT_FOUND: { status: 500, title: "The settings of the server are missing", hidesDetail: true },
  SETTINGS_FILE_UNREADABLE: { status: 500, title: "The settings of the server cannot be read", hidesDetail: true },
  SERIALIZATION_FAILED: { status: 422, title: "A value cannot be written as JSON" },
  IDEMPOTENCY_CONFLICT: { status: 422, title: "The idempotency key was used with another input" },
  EXECUTION_NOT_FOUND: { status: 404, title: "There is no such execution" },
  EXECUTION_DUPLICATE: { status: 409, title: "An execution with this id exists" },
  ALREADY_RUNNING: { status: 409, title: "The orchestrator is running already" },
  EXECUTION_FAILED: { status: 409, title: "The execution has failed" },
  EXECUTION_CANCELLED: { status: 409, title: "The execution was cancelled" },
  EXECUTION_TIMEOUT: { status: 409, title: "The execution ran too long" },
  EXECUTION_LOST: { status: 409, title: "The execution lost its workers too often" },
  NON_RETRYABLE: { status: 409, title: "The execution has failed for good" },
  START_ABORTED: { status: 409, title: "The start was aborted" },
  CAPACITY_EXCEEDED: { status: 503, title: "The queue is full", retryAfter: 1 },
  COORDINATOR_CLOSED: { status: 503, title: "The coordinator is closing", retryAfter: 5 },
  STORE_UNAVAILABLE: { status: 503, title: "The store cannot be reached", retryAfter: 2, hidesDetail: true },
  LEASE_LOST: { status: 503, title: "Another worker has taken over", retryAfter: 1 },
  INVOKE_INTERRUPTED: { status: 500, title: "A step was cut short and may or may not have happened", hidesDetail: true },
  YIELDED: { status: 503, title: "The execution was given back", retryAfter: 1 },
  WAIT_TIMEOUT: { status: 504, title: "The execution had not ended in time" },
  SCHEMA_VERSION_UNSUPPORTED: { status: 500, title: "The store was written by a newer version", hidesDetail: true },
  CHECKPOINT_REFUSED: { status: 500, title: "A checkpoint cannot be restored", hidesDetail: true },
  CHECKPOINT_TOO_LARGE: { status: 500, title: "A checkpoint is too large", hidesDetail: true },
  MISSING_DEPENDENCY: { status: 500, title: "The server lacks a package", hidesDetail: true },
  OPERATION_UNSUPPORTED: { status: 501, title: "The store of the server cannot do this" },
} as const satisfies Record<string, ProblemKind>;

/** Every code that a problem document can have. */
export const problemKinds = { ...requestProblems, ...errorProblems };

export type ProblemCode = keyof typeof problemKinds;

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problemKinds, code);
}

/** The kind of a code, with all that a kind may have. */
export function problemKind(code: ProblemCode): ProblemKind {
  return problemKinds[code];
}
