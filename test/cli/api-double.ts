import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What the double was asked: method, address, body, and one header. */
interface Asked {
  readonly request: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export type Answer = { readonly status: number; readonly body: unknown };

/** A server that answers as the HTTP API does, with what `answers` has for a request such as `GET /stats`. */
export async function startApiDouble(answers: Readonly<Record<string, Answer>>) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const name = `${request.method} ${request.url}`;
    asked.push({ request: name, body: text === "" ? undefined : JSON.parse(text), authorization: request.headers.authorization });
    const { status, body } = answers[name] ?? problem(404, "NOT_FOUND", "there is nothing at this address");
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}`, asked, close };
}

export function problem(status: number, code: string, detail: string, more: object = {}): Answer {
  return { status, body: { type: `urn:actorfleet:${code}`, title: code, status, code, detail, ...more } };
}
