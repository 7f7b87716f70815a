import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { createSystemClock } from "../core/system-clock.ts";
import { InvalidOptionsError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import { createHttpApi } from "./http-api.ts";
import { Problem, toProblemResponse } from "./problem.ts";
import type { HttpServer, ServeOptions } from "./serve.ts";

/** Heartbeats keep an event stream that is read above this. */
const idleTimeoutMs = 120_000;
const closeDeadlineMs = 5_000;

/** `serve`, where there is Node. */
export async function listen(coordinator: AnyCoordinator, options: ServeOptions): Promise<HttpServer> {
  const { port = 0, hostname = "127.0.0.1", headersTimeoutMs = 10_000, requestTimeoutMs = 30_000, ...apiOptions } = options;
  check.wholeNumber(0)(port, "port");
  check.text(hostname, "hostname");
  check.positiveMilliseconds(headersTimeoutMs, "headersTimeoutMs");
  check.positiveMilliseconds(requestTimeoutMs, "requestTimeoutMs");
  if (options.authorize === undefined && !isLoopback(hostname)) throw notLoopback(hostname);
  const api = createHttpApi(coordinator, apiOptions);
  const { clock = createSystemClock() } = options;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // How exactly Node keeps to them; by itself only every half minute.
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
      // More than the API takes, so that it is the API that refuses, and explains.
      maxHeaderSize: (options.maxHeaderBytes ?? 16_384) + 16_384,
    },
    getRequestListener(api.fetch, {
      overrideGlobalObjects: false,
      errorHandler: () => toProblemResponse(new Problem("REQUEST_MALFORMED")),
    }),
  );
  server.timeout = idleTimeoutMs;
  let isClosing = false;
  // A connection that has carried its last answer would otherwise be kept for the next request until the deadline.
  server.prependListener("request", ({ socket }, response) => {
    response.once("close", () => isClosing && socket.destroySoon());
  });
  server.on("clientError", refuse);
  server.listen(port, hostname);
  await once(server, "listening");
  const { address, port: taken, family } = server.address() as AddressInfo;
  if (options.authorize === undefined && !isLoopback(address)) {
    await shut(server);
    throw notLoopback(hostname);
  }
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      isClosing = true;
      api.close();
      const deadline = clock.setTimeout(() => server.closeAllConnections(), closeDeadlineMs);
      await shut(server);
      clock.clearTimeout(deadline);
    })();
    return closed;
  };
  const host = address === "0.0.0.0" || address === "::" ? "localhost" : family === "IPv6" ? `[${address}]` : address;
  return { url: `http://${host}:${taken}`, close, [Symbol.asyncDispose]: close };
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

/** What never became a request: Node has no words for it, so the problem is written by hand. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const status = isSlow
    ? "408 Request Timeout"
    : error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : "400 Bad Request";
  const body = JSON.stringify({ type: "about:blank", title: status.slice(4), status: Number(status.slice(0, 3)) });
  const head = [`HTTP/1.1 ${status}`, "content-type: application/problem+json", `content-length: ${body.length}`, "connection: close"];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

function notLoopback(hostname: string): InvalidOptionsError {
  return new InvalidOptionsError({
    field: "hostname",
    expected: "a loopback address, or the option authorize beside it",
    received: hostname,
  });
}
