import type { StaticFile, StaticFiles } from "./http-api-options.ts";
import { Problem } from "./problem.ts";

/** Scripts, styles, workers and pictures come from here and from nowhere else; nothing inline, no plug-ins, no frames. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Answers with the files of a dashboard; its page is at the empty path. */
export function createDashboard(given: true | StaticFiles): (request: Request, path: string) => Promise<Response> {
  let own: Promise<StaticFiles> | undefined;
  return async (request, path) => {
    if (given === true) own ??= ownFiles();
    const files = given === true ? await (own as Promise<StaticFiles>) : given;
    const file = await files(path === "" ? "index.html" : path);
    if (file === undefined) throw new Problem("NOT_FOUND", path === "" ? { detail: "the dashboard is not built: npm run build" } : {});
    const headers = headersOf(file);
    if (request.headers.get("if-none-match") === file.etag) return new Response(null, { status: 304, headers });
    return new Response(file.body, { headers: { ...headers, "content-type": file.contentType } });
  };
}

/** Those that come with this package. Only where they are asked for, since they need a file system. */
async function ownFiles(): Promise<StaticFiles> {
  const { dashboardFolder, staticFiles } = await import("./static-files.ts");
  return staticFiles(dashboardFolder);
}

function headersOf({ etag, immutable }: StaticFile): Record<string, string> {
  return {
    etag,
    "cache-control": immutable ? "public, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-opener-policy": "same-origin",
  };
}
