import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import { staticFiles } from "../../src/http/static-files.ts";
import { caller } from "./api-world.ts";

const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
mkdirSync(join(folder, "site", "assets", "deep"), { recursive: true });
writeFileSync(join(folder, "secret.txt"), "secret");
writeFileSync(join(folder, "site", "index.html"), "<!doctype html><title>fleet</title>");
writeFileSync(join(folder, "site", "assets", "main-DiwrgTda.js"), "export {};");
writeFileSync(join(folder, "site", "assets", "deep", "icon.svg"), "<svg/>");
afterAll(() => rmSync(folder, { recursive: true }));

const coordinator = createCoordinator({ orchestrator: async (input: unknown) => input });
const dashboard = staticFiles(pathToFileURL(`${join(folder, "site")}/`));

describe("the dashboard", () => {
  it("is a page that may load nothing from elsewhere, and is not framed", async () => {
    const { get } = caller(createHttpApi(coordinator, { dashboard }));
    const page = await get("/");
    expect([page.status, page.headers.get("content-type"), page.body]).toEqual([
      ...[200, "text/html; charset=utf-8"],
      "<!doctype html><title>fleet</title>",
    ]);
    const policy = page.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(page.headers.get("cache-control")).toBe("no-cache");
  });

  it("has its files with their types, kept for ever where their name changes with their content", async () => {
    const { get } = caller(createHttpApi(coordinator, { dashboard }));
    const script = await get("/assets/main-DiwrgTda.js");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(script.headers.get("cache-control")).toContain("immutable");
    const icon = await get("/assets/deep/icon.svg");
    expect([icon.headers.get("content-type"), icon.headers.get("cache-control")]).toEqual(["image/svg+xml", "no-cache"]);
    const known = await get("/assets/deep/icon.svg", { "if-none-match": icon.headers.get("etag") as string });
    expect([known.status, known.body]).toEqual([304, ""]);
  });

  it.each(["/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/", "/assets/no.js"])(
    "has nothing else: %s",
    async (path) => {
      const answer = await caller(createHttpApi(coordinator, { dashboard })).get(path);
      expect(answer).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    },
  );

  it("is found under the path where the API is mounted, with a slash at its end", async () => {
    const { get } = caller(createHttpApi(coordinator, { dashboard, basePath: "/fleet" }));
    expect((await get("/fleet")).headers.get("location")).toBe("/fleet/");
    expect((await get("/fleet/")).status).toBe(200);
    expect((await get("/fleet/assets/main-DiwrgTda.js")).status).toBe(200);
    expect((await get("/fleet/stats")).status).toBe(200);
    expect((await get("/")).status).toBe(404);
  });

  it("is not there unless it is asked for, and says so when it was not built", async () => {
    expect((await caller(createHttpApi(coordinator)).get("/")).status).toBe(404);
    const notBuilt = createHttpApi(coordinator, { dashboard: staticFiles(pathToFileURL(`${folder}/none/`)) });
    expect((await caller(notBuilt).get("/")).body.detail).toBe("the dashboard is not built: npm run build");
  });
});
