import { InvalidOptionsError } from "../../model/errors.ts";
import {
  callable,
  either,
  fields,
  flag,
  having,
  listOf,
  type OptionCheck,
  oneOf,
  positiveMilliseconds,
  text,
  wholeNumber,
} from "../../model/option-check.ts";
import type { Clock } from "../../ports/clock.ts";

/** How the brokers know who it is. */
export interface KafkaSaslOptions {
  mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "OAUTHBEARER";
  username?: string;
  password?: string;
  /** For `OAUTHBEARER`; a function is asked at every new connection. */
  token?: string | (() => string | Promise<string>);
}

/** How a Kafka queue works. */
export interface KafkaQueueOptions {
  /** Some of the cluster, as `host:port`; the others are found through them. */
  brokers: string | readonly string[];
  /** What topics and consumer groups begin with: letters, digits, `.`, `_` and `-`, at most 100. Default `actorfleet`. */
  namePrefix?: string;
  /**
   * Topics that are missing. `create` makes them, with `partitions` and `replicas`; `auto` leaves that to the brokers, where they are set up
   * to create what is asked for, with their own defaults; `expect` makes nothing, and calls reject until the topic is there. Default `create`.
   */
  topics?: "create" | "auto" | "expect";
  /** Of topics that are created; so many workers can get messages of one coordinator at most. 12. */
  partitions?: number;
  /** Of topics that are created; the brokers' default. */
  replicas?: number;
  /** Encrypts the connections; an object is passed on to `tls.connect` of Node. */
  tls?: boolean | object;
  sasl?: KafkaSaslOptions;
  /** How the brokers name this client in their logs and quotas. Default `actorfleet`. */
  clientId?: string;
  /** How long a call may take before it rejects with `StoreUnavailableError`, or a publish reports `unavailable`; 10 000. */
  operationTimeoutMs?: number;
  /** After so long without a sign of life the partitions of a consumer go to others, and its loans are lost; brokers set limits to it. 30 000. */
  sessionTimeoutMs?: number;
  /** For time limits and pauses. The system's. */
  clock?: Clock;
}

const prefix: OptionCheck = (value, field) => {
  if (typeof value === "string" && /^[a-zA-Z0-9._-]{1,100}$/.test(value)) return;
  throw new InvalidOptionsError({ field, expected: "1 to 100 letters, digits, dots, underscores or dashes", received: value });
};

const brokers: OptionCheck = (value, field) => {
  if (Array.isArray(value) && value.length === 0)
    throw new InvalidOptionsError({ field, expected: "at least one broker", received: value });
  either("host:port, or an array of such", text, listOf(text))(value, field);
};

const anyObject: OptionCheck = (value, field) => {
  if (typeof value !== "object" || value === null) throw new InvalidOptionsError({ field, expected: "an object", received: value });
};

/** Throws `InvalidOptionsError` for what a Kafka queue cannot work with. */
export const checkKafkaOptions: (options: unknown) => void = (options) =>
  fields(
    {
      brokers,
      namePrefix: prefix,
      topics: oneOf("create", "auto", "expect"),
      partitions: wholeNumber(1),
      replicas: wholeNumber(1),
      tls: either("true, false or an object", flag, anyObject),
      sasl: fields(
        {
          mechanism: oneOf("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"),
          username: text,
          password: text,
          token: either("a string or a function", text, callable),
        },
        ["mechanism"],
      ),
      clientId: text,
      operationTimeoutMs: positiveMilliseconds,
      sessionTimeoutMs: positiveMilliseconds,
      clock: having("now", "monotonicNow", "setTimeout", "clearTimeout"),
    },
    ["brokers"],
  )(options, "options");
