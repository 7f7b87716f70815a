import { InvalidOptionsError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import type { Clock } from "../ports/clock.ts";

/** One file as it is sent. */
export interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly etag: string;
  /** Its name changes with its content. */
  readonly immutable: boolean;
}

/** Gives the file of a path such as `index.html` or `assets/main.js`; undefined when there is none. */
export type StaticFiles = (path: string) => Promise<StaticFile | undefined>;

/** Settings of `createHttpApi`. */
export interface HttpApiOptions {
  /**
   * Asked before anything is answered. `false` gives 403; a response, for instance 401 with a challenge, is sent as it is; what it throws
   * gives 500. Clone the request to read its body. Without it, only requests to a loopback host name are answered.
   */
  authorize?: (request: Request) => boolean | Response | Promise<boolean | Response>;
  /** Host names, without port, by which this may be reached; by default any with `authorize`, else `localhost`, `127.0.0.1` and `[::1]`. */
  hosts?: readonly string[];
  /** Origins of other sites whose pages may call, for instance `https://app.example`; none. */
  allowedOrigins?: readonly string[];
  /** Where it is mounted, for instance `/fleet`; at the root. */
  basePath?: string;
  /** Serves the dashboard at `/`; false. Or gives other files than those that come with this package. */
  dashboard?: boolean | StaticFiles;
  /** A larger body is refused with 413; 1 048 576. */
  maxBodyBytes?: number;
  /** Names and values of all headers together; more is refused with 431; 16 384. */
  maxHeaderBytes?: number;
  /** Events that are kept for readers who come back; 10 000, and at most 8 MiB of them. */
  maxReplayedEvents?: number;
  /** Event streams at the same time; one more is refused with 503; 10 000. */
  maxEventClients?: number;
  /** How often an event stream without events shows that it is there; 15 000. */
  heartbeatMs?: number;
  /** Told what went wrong inside and is hidden from callers; nothing is done by default. */
  onError?: (error: unknown) => void;
  /** The machine's time. */
  clock?: Clock;
}

const originCheck: check.OptionCheck = (value, field) => {
  if (typeof value === "string" && URL.canParse(value) && new URL(value).origin === value) return;
  throw new InvalidOptionsError({ field, expected: "an origin such as https://app.example", received: value });
};

const hostCheck: check.OptionCheck = (value, field) => {
  if (typeof value === "string" && value !== "" && URL.canParse(`http://${value}/`) && new URL(`http://${value}/`).host === value) return;
  throw new InvalidOptionsError({ field, expected: "a host name in lower case, without port", received: value });
};

const basePathCheck: check.OptionCheck = (value, field) => {
  if (typeof value === "string" && /^(\/[\w.~-]+)+$/.test(value)) return;
  throw new InvalidOptionsError({ field, expected: "a path such as /fleet", received: value });
};

const optionChecks: Readonly<Record<keyof HttpApiOptions, check.OptionCheck>> = {
  authorize: check.callable,
  hosts: check.listOf(hostCheck),
  allowedOrigins: check.listOf(originCheck),
  basePath: basePathCheck,
  dashboard: check.either("true, false or a function that gives files", check.flag, check.callable),
  maxBodyBytes: check.wholeNumber(1),
  maxHeaderBytes: check.wholeNumber(1),
  maxReplayedEvents: check.wholeNumber(1),
  maxEventClients: check.wholeNumber(1),
  heartbeatMs: check.positiveMilliseconds,
  onError: check.callable,
  clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
};

/** Throws `InvalidOptionsError` naming the first wrong field. */
export function checkHttpApiOptions(options: unknown): void {
  check.fields(optionChecks)(options, "options");
}
