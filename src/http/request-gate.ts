import type { HttpApiOptions } from "./http-api-options.ts";
import { Problem } from "./problem.ts";

/** Names by which only programs of the same machine reach it. */
const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
const maxUrlLength = 8_192;

/** Lets a request through, or throws the problem, or gives the answer of `authorize`. */
export class RequestGate {
  readonly #options: HttpApiOptions;
  /** Undefined: any. */
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #origins: ReadonlySet<string>;

  constructor(options: HttpApiOptions) {
    const { hosts, authorize, allowedOrigins = [] } = options;
    this.#options = options;
    if (hosts !== undefined) this.#hosts = new Set(hosts);
    // A page of another site whose name was made to point here has neither the right name nor the secret.
    else this.#hosts = authorize === undefined ? new Set(loopbackHosts) : undefined;
    this.#origins = new Set(allowedOrigins);
  }

  async check(request: Request): Promise<Response | undefined> {
    this.#checkSize(request);
    const hosts = hostsOf(request);
    this.#checkHost(hosts);
    this.#checkOrigin(request, hosts);
    if (isPreflight(request)) return this.#preflightAnswer(request);
    const { authorize } = this.#options;
    const answer = authorize === undefined ? true : await authorize(request);
    if (answer instanceof Response) return answer;
    if (answer !== true) throw new Problem("ACCESS_REFUSED");
    return undefined;
  }

  /** Lets the page of an allowed origin read the response. */
  share(request: Request, response: Response): void {
    if (this.#origins.size === 0) return;
    response.headers.append("vary", "origin");
    const origin = request.headers.get("origin");
    if (origin === null || !this.#origins.has(origin)) return;
    response.headers.set("access-control-allow-origin", origin);
    response.headers.set("access-control-expose-headers", "location, retry-after");
  }

  #checkSize({ url, headers }: Request): void {
    if (url.length > maxUrlLength) throw new Problem("URL_TOO_LONG", { detail: `it is longer than ${maxUrlLength}` });
    const { maxHeaderBytes = 16_384 } = this.#options;
    let bytes = 0;
    for (const [name, value] of headers) bytes += name.length + value.length;
    if (bytes > maxHeaderBytes) throw new Problem("HEADERS_TOO_LARGE", { detail: `they have more than ${maxHeaderBytes} bytes` });
  }

  #checkHost(hosts: readonly URL[]): void {
    const allowed = this.#hosts;
    if (allowed === undefined || hosts.every(({ hostname }) => allowed.has(hostname))) return;
    throw new Problem("HOST_REFUSED", { detail: "the owner of this server can add it to the option `hosts`" });
  }

  #checkOrigin(request: Request, hosts: readonly URL[]): void {
    const { headers, method } = request;
    const origin = headers.get("origin");
    if (origin !== null) {
      if (this.#origins.has(origin)) return;
      // Behind a proxy that ends TLS the scheme differs.
      const isOwn = URL.canParse(origin) && /^https?:/.test(origin) && hosts.some(({ host }) => host === new URL(origin).host);
      if (!isOwn) throw new Problem("ORIGIN_REFUSED");
    }
    const site = headers.get("sec-fetch-site");
    if (site === null || site === "same-origin" || site === "none") return;
    // Somebody follows a link: the page opens by itself, where the other site can neither read nor frame it.
    const isVisit = method === "GET" && headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
    if (!isVisit) throw new Problem("ORIGIN_REFUSED");
  }

  #preflightAnswer(request: Request): Response {
    if (!this.#origins.has(request.headers.get("origin") ?? "")) throw new Problem("ORIGIN_REFUSED");
    return new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
        "access-control-max-age": "600",
      },
    });
  }
}

function isPreflight({ method, headers }: Request): boolean {
  return method === "OPTIONS" && headers.has("access-control-request-method");
}

/** What the request calls this server: in its address, and in its `Host` header where a server in front made the address. */
function hostsOf({ url, headers }: Request): URL[] {
  const host = headers.get("host");
  if (host === null) return [new URL(url)];
  if (!URL.canParse(`http://${host}/`)) throw new Problem("HOST_REFUSED");
  return [new URL(url), new URL(`http://${host}/`)];
}
