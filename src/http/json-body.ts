import { Problem } from "./problem.ts";

/** Deeper than anything sensible, and far from what could exhaust the stack of whoever walks through it. */
const maxDepth = 64;

/**
 * The body of a request as JSON; undefined when it is empty.
 *
 * @throws {Problem} when it is not said to be JSON, is none, is too large or too deep.
 */
export async function readJsonBody(request: Request, maxBodyBytes: number): Promise<unknown> {
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";", 1);
  // A form of another site cannot send this type, so it also keeps out forged requests of old browsers.
  if (mediaType.trim().toLowerCase() !== "application/json") throw new Problem("BODY_NOT_JSON");
  const text = await readText(request, maxBodyBytes);
  if (text === "") return undefined;
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem("REQUEST_MALFORMED", { detail: `the body is no JSON: ${(error as Error).message}` });
  }
}

async function readText({ body, headers }: Request, maxBodyBytes: number): Promise<string> {
  const tooLarge = () =>
    new Problem("BODY_TOO_LARGE", { detail: `it has more than ${maxBodyBytes} bytes`, headers: { connection: "close" } });
  if (Number(headers.get("content-length") ?? 0) > maxBodyBytes) throw tooLarge();
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  try {
    for (let chunk = await read(reader); chunk !== undefined; chunk = await read(reader)) {
      bytes += chunk.byteLength;
      if (bytes > maxBodyBytes) throw tooLarge();
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    // Whoever sends goes on sending, or has gone: neither changes the answer.
    reader.cancel().catch(() => {});
    throw error instanceof TypeError ? new Problem("REQUEST_MALFORMED", { detail: "the body is not UTF-8" }) : error;
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    const { value } = await reader.read();
    return value;
  } catch {
    throw new Problem("REQUEST_MALFORMED", { detail: "the body ended too early" });
  }
}

function checkDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') inString = !inString;
    else if (inString && character === "\\") index += 1;
    else if (!inString && (character === "[" || character === "{")) depth += 1;
    else if (!inString && (character === "]" || character === "}")) depth -= 1;
    if (depth > maxDepth) throw new Problem("REQUEST_MALFORMED", { detail: `the body is nested deeper than ${maxDepth}` });
  }
}
