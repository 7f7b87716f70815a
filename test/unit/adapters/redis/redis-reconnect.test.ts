import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { reconnect } from "../../../../src/adapters/redis/redis-reconnect.ts";

class Client extends EventEmitter {
  status = "ready";
  disconnects = 0;
  disconnect(): void {
    this.disconnects += 1;
  }
}

test("a socket is given up once, however many calls it has not answered, and the next one may be given up, too", () => {
  const client = new Client();
  for (let call = 0; call < 20; call++) reconnect(client);
  expect(client.disconnects).toBe(1);
  expect(client.listenerCount("close")).toBe(1);
  client.status = "reconnecting";
  client.emit("close");
  reconnect(client);
  expect(client.disconnects).toBe(1);
  client.status = "ready";
  reconnect(client);
  expect(client.disconnects).toBe(2);
});
