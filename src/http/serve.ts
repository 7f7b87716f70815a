import type { AnyCoordinator } from "../core/any-coordinator.ts";
import type { HttpApiOptions } from "./http-api-options.ts";

/** Settings of `serve`. */
export interface ServeOptions extends HttpApiOptions {
  /** 0, which takes a free one. */
  port?: number;
  /** Where to listen; `127.0.0.1`. Beyond loopback only with `authorize`. */
  hostname?: string;
  /** Whoever has not sent its headers by then is cut off; 10 000. */
  headersTimeoutMs?: number;
  /** Whoever has not sent its whole request by then is cut off; 30 000. */
  requestTimeoutMs?: number;
}

/** A server that listens. */
export interface HttpServer {
  /** With the port that was taken, without a slash at the end. */
  readonly url: string;
  /** Takes no more requests, ends event streams, and gives those under way five seconds. The coordinator goes on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves a coordinator over HTTP with Node's own server.
 *
 * @example
 * ```ts
 * const { url, close } = await serve(coordinator, { port: 8080 });
 * ```
 * @throws {InvalidOptionsError} for a wrong option, or one that would show the coordinator to the network without `authorize`; what
 * listening throws, for instance when the port is taken.
 */
export async function serve(coordinator: AnyCoordinator, options: ServeOptions = {}): Promise<HttpServer> {
  // Not at the top: `createHttpApi` of the same entry runs where there is no Node.
  const { listen } = await import("./node-server.ts");
  return listen(coordinator, options);
}
