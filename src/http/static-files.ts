import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { StaticFile, StaticFiles } from "./http-api-options.ts";

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  wasm: "application/wasm",
};

/**
 * The files of a folder, read whole when the first one is asked for. A path is looked up among those that were found, so none leads out of
 * the folder. A folder that is not there has no files.
 */
export function staticFiles(folder: URL): StaticFiles {
  let files: Promise<ReadonlyMap<string, StaticFile>> | undefined;
  return async (path) => {
    files ??= readAll(fileURLToPath(folder));
    return (await files).get(path);
  };
}

/** The built dashboard: `dist/dashboard`, from `dist/src/http` as from `src/http`. */
export const dashboardFolder = new URL(import.meta.url.endsWith(".ts") ? "../../dist/dashboard/" : "../../dashboard/", import.meta.url);

async function readAll(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => `${parentPath}${sep}${name}`);
  return new Map(await Promise.all(files.map(async (file) => [relative(folder, file).replaceAll(sep, "/"), await read(file)] as const)));
}

async function read(file: string): Promise<StaticFile> {
  const body = new Uint8Array(await readFile(file));
  const extension = file.slice(file.lastIndexOf(".") + 1);
  return {
    body,
    contentType: contentTypes[extension] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    // As the front-end build names them.
    immutable: /-[\w-]{8,}\.\w+$/.test(file),
  };
}
