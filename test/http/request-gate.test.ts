import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { apiRoutes, createHttpApi } from "../../src/http/http-api.ts";
import type { HttpApiOptions } from "../../src/http/http-api-options.ts";
import { InvalidOptionsError } from "../../src/model/errors.ts";

const coordinator = createCoordinator({ orchestrator: async (input: unknown) => input });
const everyRequest = apiRoutes.map(({ method, path }) => [method, path.replace(/\{\w+\}/, "one")] as const);

function ask(options: HttpApiOptions, url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return createHttpApi(coordinator, options).fetch(new Request(url, { method, headers }));
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

describe("a request", () => {
  const refused: Record<string, { options?: HttpApiOptions; headers: Record<string, string>; url?: string; code: string }> = {
    "by a page of another site": { headers: { origin: "https://evil.example" }, code: "ORIGIN_REFUSED" },
    "by a page of another port": { headers: { origin: "http://localhost:99" }, code: "ORIGIN_REFUSED" },
    "by a sandboxed page": { headers: { origin: "null" }, code: "ORIGIN_REFUSED" },
    "by a page without an origin that another site loads": {
      headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
      code: "ORIGIN_REFUSED",
    },
    "by a page of a sibling domain": { headers: { "sec-fetch-site": "same-site" }, code: "ORIGIN_REFUSED" },
    "in a frame of another site": {
      headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
      code: "ORIGIN_REFUSED",
    },
    "to a name that was made to point here": { url: "http://evil.example", headers: {}, code: "HOST_REFUSED" },
    "to such a name in its Host header": { headers: { host: "evil.example" }, code: "HOST_REFUSED" },
    "to a name that is none": { headers: { host: "a b" }, code: "HOST_REFUSED" },
    "to another host than those of the owner": {
      options: { hosts: ["api.example"], authorize: () => true },
      headers: {},
      code: "HOST_REFUSED",
    },
    "without authorization": { options: { authorize: () => false }, headers: {}, code: "ACCESS_REFUSED" },
    "with an authorization that says neither": {
      options: { authorize: (() => undefined) as never },
      headers: {},
      code: "ACCESS_REFUSED",
    },
    "while the authorization fails": {
      options: {
        authorize: () => {
          throw new Error("the directory is down: ldap://10.0.0.3");
        },
      },
      headers: {},
      code: "INTERNAL_ERROR",
    },
    "with headers beyond any measure": { headers: { "x-large": "x".repeat(20_000) }, code: "HEADERS_TOO_LARGE" },
    "with an address beyond any measure": { url: `http://localhost/${"x".repeat(9_000)}`, headers: {}, code: "URL_TOO_LONG" },
  };

  it.each(Object.entries(refused))(
    "%s gets nothing, whatever it asks for",
    async (_, { options = {}, headers, url = "http://localhost", code }) => {
      for (const [method, path] of everyRequest) {
        const response = await ask({ dashboard: true, ...options }, url + path, headers, method);
        const text = await response.text();
        expect(JSON.parse(text), `${method} ${path}`).toMatchObject({ code, status: response.status });
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(text).not.toContain("ldap");
      }
    },
  );

  const served: Record<string, { options?: HttpApiOptions; headers: Record<string, string>; url?: string }> = {
    "by a program": { headers: {} },
    "by its own page": { headers: { origin: "http://localhost", "sec-fetch-site": "same-origin" } },
    "by its own page behind a proxy that ends TLS": {
      url: "http://api.example",
      headers: { origin: "https://api.example" },
      options: { authorize: () => true },
    },
    "by a page of an allowed origin": {
      headers: { origin: "https://app.example", "sec-fetch-site": "cross-site" },
      options: { allowedOrigins: ["https://app.example"] },
    },
    "that somebody made by following a link": {
      headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    },
    "to a host of the owner": { url: "http://api.example:8080", headers: {}, options: { hosts: ["api.example"] } },
    "to any host, with authorization": { url: "http://anything.example", headers: {}, options: { authorize: async () => true } },
    "to a loopback address": { url: "http://[::1]:8080", headers: {} },
  };

  it.each(Object.entries(served))("%s is answered", async (_, { options = {}, headers, url = "http://localhost" }) => {
    const response = await ask(options, `${url}/stats`, headers);
    expect(response.status).toBe(200);
  });

  it("is answered with what authorize answers", async () => {
    const challenge = new Response("who are you?", { status: 401, headers: { "www-authenticate": "Bearer" } });
    const response = await ask({ authorize: () => challenge }, "http://localhost/stats");
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const redirect = await ask({ authorize: () => Response.redirect("https://login.example/") }, "http://localhost/stats");
    expect(redirect.headers.get("location")).toBe("https://login.example/");
  });

  it("that fails inside tells the owner why, and nobody else", async () => {
    const errors: unknown[] = [];
    const error = new Error("secret");
    const authorize = () => {
      throw error;
    };
    expect(await codeOf(await ask({ authorize, onError: (told) => errors.push(told) }, "http://localhost/stats"))).toBe("INTERNAL_ERROR");
    expect(errors).toEqual([error]);
  });
});

describe("a preflight", () => {
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };

  it("of an allowed origin needs no authorization, and its page may read what follows", async () => {
    const options: HttpApiOptions = { allowedOrigins: ["https://app.example"], authorize: ({ headers }) => headers.has("authorization") };
    const origin = { origin: "https://app.example" };
    const allowed = await ask(options, "http://localhost/executions", { ...origin, ...preflight }, "OPTIONS");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(allowed.headers.get("access-control-allow-headers")).toContain("idempotency-key");
    const read = await ask(options, "http://localhost/stats", { ...origin, authorization: "x" });
    expect(read.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(read.headers.get("vary")).toBe("origin");
    const unread = await ask(options, "http://localhost/stats", { authorization: "x" });
    expect(unread.headers.has("access-control-allow-origin")).toBe(false);
  });

  it("of any other origin is refused, and so is every one where none is allowed", async () => {
    for (const options of [{}, { allowedOrigins: ["https://app.example"] }]) {
      for (const origin of ["https://evil.example", "http://localhost"]) {
        const response = await ask(options, "http://localhost/executions", { origin, ...preflight }, "OPTIONS");
        expect(response.status).toBe(403);
        expect(response.headers.has("access-control-allow-origin")).toBe(false);
      }
    }
  });
});

describe("options", () => {
  it.each([
    ["allowedOrigins[0]", { allowedOrigins: ["*"] }],
    ["allowedOrigins[0]", { allowedOrigins: ["https://app.example/"] }],
    ["hosts[0]", { hosts: ["api.example:80"] }],
    ["basePath", { basePath: "fleet/" }],
    ["maxBodyBytes", { maxBodyBytes: 0 }],
    ["dashboard", { dashboard: "yes" }],
    ["cors", { cors: true }],
  ])("names a wrong %s", (field, options) => {
    const create = () => createHttpApi(coordinator, options as HttpApiOptions);
    expect(create).toThrow(InvalidOptionsError);
    expect(create).toThrow(new RegExp(`^${field.replace(/[[\]]/g, "\\$&")}: expected`));
  });
});
