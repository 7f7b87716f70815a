import { InvalidOptionsError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";

const tooLarge = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
const fenced = new Set(["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS", "FENCED_INSTANCE_ID"]);
const refused = new Set(["TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"]);

interface KafkaError {
  readonly code?: unknown;
  /** What the broker calls it. */
  readonly apiId?: unknown;
  readonly canRetry?: unknown;
  readonly errors?: readonly unknown[];
}

/** Errors of the client hold those of each broker, topic and partition. */
function hasError(error: unknown, fits: (error: KafkaError) => boolean): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { errors } = error as KafkaError;
  return fits(error) || (Array.isArray(errors) && errors.some((each) => hasError(each, fits)));
}

/** What the brokers said, without what the client says about it. */
export function reasonsOf(error: unknown): string {
  const { errors, message } = error as KafkaError & { message?: unknown };
  return Array.isArray(errors) && errors.length > 0 ? errors.map(reasonsOf).join("; ") : String(message ?? error);
}

const hasId = (error: unknown, ids: ReadonlySet<string>) => hasError(error, ({ apiId }) => ids.has(apiId as string));

export const isTooLarge = (error: unknown): boolean => hasId(error, tooLarge);
/** The consumer is no longer the member of the group that it was. */
export const isFenced = (error: unknown): boolean => hasId(error, fenced);
export const isOffsetOutOfRange = (error: unknown): boolean => hasId(error, new Set(["OFFSET_OUT_OF_RANGE"]));
export const isExistingTopic = (error: unknown): boolean => hasId(error, new Set(["TOPIC_ALREADY_EXISTS"]));
/** The client says so of a topic that the brokers do not know, and of nothing else that it is asked for here. */
export const isUnknownTopic = (error: unknown): boolean =>
  hasError(error, ({ code, apiId }) => code === "PLT_KFK_USER" || apiId === "UNKNOWN_TOPIC_OR_PARTITION");
/** Another try, made the same way, would be refused again. */
export const isFinal = (error: unknown): boolean =>
  isLasting(error) || hasError(error, ({ canRetry, apiId }) => canRetry === false && apiId !== undefined);

/** Nothing that passes by itself: somebody has to be told. */
function isLasting(error: unknown): boolean {
  return (
    error instanceof InvalidOptionsError ||
    error instanceof MissingDependencyError ||
    hasId(error, refused) ||
    hasError(error, ({ code }) => code === "PLT_KFK_AUTHENTICATION" || code === "PLT_KFK_UNSUPPORTED_API")
  );
}

/** What callers get: an outage as `StoreUnavailableError`, and what no waiting mends as it is. */
export function toQueueError(error: unknown, what: string): unknown {
  if (error instanceof StoreUnavailableError || isLasting(error)) return error;
  return new StoreUnavailableError(`Kafka: ${what}`, error);
}
