/** What it needs of a client of `ioredis`. */
interface Reconnecting {
  readonly status: string;
  disconnect(reconnect?: boolean): void;
  once(event: "close", listener: () => void): unknown;
}

const cutOff = new WeakSet<Reconnecting>();

/** Gives up a socket whose other end says nothing, and takes another one. Once for each socket: a client adds a listener to it each time. */
export function reconnect(client: Reconnecting): void {
  if (cutOff.has(client) || !["connecting", "connect", "ready"].includes(client.status)) return;
  cutOff.add(client);
  client.once("close", () => cutOff.delete(client));
  client.disconnect(true);
}
