import { Agent, createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** `pass`; `cut`: it is carried out, and the connection ends instead of its answer; or another answer, and it is not carried out. */
export type Treatment = "pass" | "cut" | { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** Stands between an HTTP service and its clients. */
export class HttpProxy {
  treat: (request: ProxiedRequest) => Treatment = () => "pass";
  /** What came, in the order of coming. */
  readonly requests: ProxiedRequest[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server;

  private constructor(targetPort: number) {
    this.#server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", () => {});
      incoming.on("end", () => {
        const body = Buffer.concat(chunks);
        const { method = "GET", url: path = "/", headers } = incoming;
        const seen = { method, path, headers, body: body.toString("utf8") };
        this.requests.push(seen);
        const treatment = this.treat(seen);
        if (typeof treatment === "object") {
          outgoing.writeHead(treatment.status, treatment.headers).end(treatment.body);
          return;
        }
        const forwarded = request({ host: "127.0.0.1", port: targetPort, method, path, headers, agent: this.#agent }, (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.on("error", () => outgoing.destroy());
          answer.on("end", () => {
            if (treatment === "cut") outgoing.socket?.destroy();
            else outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(parts));
          });
        });
        forwarded.on("error", () => outgoing.socket?.destroy());
        forwarded.end(body);
      });
    });
  }

  static async listen(targetPort: number): Promise<HttpProxy> {
    const proxy = new HttpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
