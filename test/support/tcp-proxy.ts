import { connect, createServer, type Server, type Socket } from "node:net";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client has sent since the server was last ready. */
  request: string;
  /** The answer is swallowed, and the connection cut when it is complete. */
  isCutting: boolean;
}

/** Postgres' `ReadyForQuery`: the last message of every answer. */
const readyForQuery = [0x5a, 0, 0, 0, 5];

/** Stands between a server and its clients, and does to their connections what networks do. */
export class TcpProxy {
  /** How many answers were cut off. */
  cuts = 0;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #isFrozen = false;
  #cutsAnswerTo: (request: string) => boolean = () => false;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, connect(targetPort, "127.0.0.1")));
  }

  static async listen(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get connections(): number {
    return this.#links.size;
  }

  /**
   * Half-open: from now on nothing passes in either direction, and nothing is closed. `newOnes`: connections that are made later are as dead;
   * else only those that are there now, as when a router forgets them.
   */
  freeze({ newOnes }: { newOnes: boolean }): void {
    this.#isFrozen = newOnes;
    for (const { client, server } of this.#links) stopReading(client, server);
  }

  /** What was held back passes after all. */
  thaw(): void {
    this.#isFrozen = false;
    for (const { client, server } of this.#links) for (const socket of [client, server]) socket.resume();
  }

  /** Requests reach the server and are carried out, but the connection is cut instead of their answer; until it is told otherwise. */
  cutAnswers(to: (request: string) => boolean): void {
    this.#cutsAnswerTo = to;
  }

  /** Ends all connections; new ones are as good as ever. */
  cut(): void {
    for (const { client, server } of this.#links) destroy(client, server);
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#links) destroy(client, server);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    const link: Link = { client, server, request: "", isCutting: false };
    this.#links.add(link);
    if (this.#isFrozen) stopReading(client, server);
    for (const socket of [client, server]) {
      socket.setNoDelay();
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#links.delete(link);
        destroy(client, server);
      });
    }
    client.on("data", (data) => {
      link.request += data.toString("latin1");
      server.write(data);
    });
    server.on("data", (data) => this.#answer(link, data));
  }

  #answer(link: Link, data: Buffer): void {
    const isLast = data.length > 5 && data.subarray(-6, -1).equals(Buffer.from(readyForQuery));
    link.isCutting ||= link.request !== "" && this.#cutsAnswerTo(link.request);
    if (!link.isCutting) link.client.write(data);
    if (!isLast) return;
    link.request = "";
    if (!link.isCutting) return;
    this.cuts += 1;
    destroy(link.client, link.server);
  }
}

function stopReading(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.pause();
}

function destroy(...sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}
