import type { ClientOptions, WebSocket } from "ws";
import { MissingDependencyError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { InspectionMessage, InspectionSink } from "./inspection-message.ts";

/** A connection that is kept up. */
export interface WebSocketSink extends InspectionSink {
  readonly isOpen: boolean;
  /** Messages left out because the other side did not take them fast enough. */
  readonly dropped: number;
  close(): Promise<void>;
}

interface WebSocketSinkOptions {
  readonly url: string;
  readonly clock: Clock;
  /** A connection is there, the first or another one. */
  opened(): void;
  readonly onError?: (error: unknown) => void;
}

const maxBufferedBytes = 4 * 1_048_576;
const firstRetryMs = 250;
const longestRetryMs = 5_000;

/** Connects, and connects again whenever the connection is gone; nothing of it keeps the process alive. */
export function createWebSocketSink(options: WebSocketSinkOptions): WebSocketSink {
  const sink = new ReconnectingSocket(options);
  void sink.connect();
  return sink;
}

class ReconnectingSocket implements WebSocketSink {
  readonly #options: WebSocketSinkOptions;
  #socket: WebSocket | undefined;
  #retryMs = firstRetryMs;
  #timer: unknown;
  #isClosed = false;
  #isBehind = false;
  #dropped = 0;

  constructor(options: WebSocketSinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && this.#socket.readyState === this.#socket.OPEN;
  }

  get dropped(): number {
    return this.#dropped;
  }

  async connect(): Promise<void> {
    const { url, opened } = this.#options;
    try {
      const { WebSocket } = await load();
      const options = await unreferenced(url);
      if (this.#isClosed) return;
      const socket = new WebSocket(url, { ...options, handshakeTimeout: 5_000, perMessageDeflate: false });
      this.#socket = socket;
      socket.on("open", () => {
        this.#retryMs = firstRetryMs;
        opened();
      });
      // Every error is followed by a close.
      socket.on("error", () => {});
      socket.on("close", () => this.#retry());
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  /** While there is no connection nothing is kept: the next one begins with what there is then. */
  send(message: InspectionMessage): void {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > maxBufferedBytes) {
      this.#dropped += 1;
      this.#isBehind = true;
      return;
    }
    if (this.#isBehind && socket.bufferedAmount === 0) {
      this.#isBehind = false;
      this.#options.opened();
    }
    socket.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.clock.clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === socket.CLOSED) return;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    // What was sent is on its way before the connection ends; a server that is gone is not waited for.
    if (socket.readyState === socket.OPEN) socket.close();
    const deadline = this.#options.clock.setTimeout(() => socket.terminate(), 1_000);
    if (socket.readyState === socket.CONNECTING) socket.terminate();
    await closed;
    this.#options.clock.clearTimeout(deadline);
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimeout(() => void this.connect(), this.#retryMs, true);
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
  }
}

async function load(): Promise<typeof import("ws")> {
  try {
    return await import("ws");
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "ws", usedBy: "fleet inspector", cause });
  }
}

/** A socket that does not keep the process alive. */
async function unreferenced(url: string): Promise<ClientOptions> {
  const isSecure = new URL(url).protocol === "wss:";
  const net = await import("node:net");
  const tls = isSecure ? await import("node:tls") : undefined;
  return {
    createConnection: ((options: import("node:tls").ConnectionOptions & { host: string; port: number }) => {
      const socket =
        tls?.connect({ ...options, servername: options.servername ?? options.host }) ?? net.connect(options.port, options.host);
      return socket.unref();
    }) as NonNullable<ClientOptions["createConnection"]>,
  };
}
