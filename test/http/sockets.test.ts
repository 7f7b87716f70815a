import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as nextTimers } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { type ServeOptions, serve } from "../../src/http/serve.ts";
import { untilAborted } from "../../src/testing/until-aborted.ts";
import { EventReader } from "./event-reader.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  // What becomes of the rest of a body is looked at two turns of the timers later.
  for (let turn = 0; turn < 3; turn += 1) await nextTimers(1);
});

async function served(options: ServeOptions = {}) {
  const coordinator = createCoordinator({
    orchestrator: async (input: unknown, { signal }) => (input === "lasts" ? untilAborted(signal, () => () => {}) : input),
    maxConcurrent: 100,
  });
  const server = await serve(coordinator, options);
  closing.push(() => coordinator.close({ mode: "cancel" }), server.close);
  return { coordinator, url: server.url, port: Number(new URL(server.url).port), close: server.close };
}

async function isAlive(url: string): Promise<boolean> {
  return (await fetch(`${url}/healthz`)).status === 200;
}

/** All that the server says on a connection of its own. */
async function said(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  socket.on("error", () => {});
  if (!socket.destroyed) await once(socket, "close");
  return text;
}

describe("serve", () => {
  it("answers on loopback, and follows an execution to its end", async () => {
    const { url, coordinator } = await served();
    expect(new URL(url).hostname).toBe("127.0.0.1");
    const headers = { "content-type": "application/json" };
    const started = await fetch(`${url}/executions`, { method: "POST", headers, body: '{"input":"lasts","options":{"id":"one"}}' });
    expect([started.status, started.headers.get("location")]).toEqual([202, "/executions/one"]);
    const reader = new EventReader(await fetch(`${url}/executions/one/events`));
    expect(await reader.next()).toMatchObject({ id: expect.any(String) });
    await coordinator.cancel("one", "enough");
    const events = await reader.until("end");
    expect(events.map(({ type }) => type)).toEqual(["execution.snapshot", "execution.cancelling", "execution.cancelled"]);
  });

  it("shows itself to the network only with authorize", async () => {
    const coordinator = createCoordinator({ orchestrator: async () => 1 });
    for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
      await expect(serve(coordinator, { hostname })).rejects.toThrow(/^hostname: expected a loopback address/);
    }
    const { url } = await served({ hostname: "0.0.0.0", authorize: ({ headers }) => headers.get("authorization") === "Bearer key" });
    const port = new URL(url).port;
    expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).toBe(403);
    expect((await fetch(`http://127.0.0.1:${port}/stats`, { headers: { authorization: "Bearer key" } })).status).toBe(200);
  });

  it("refuses wrong options, and tells when its port is taken", async () => {
    const coordinator = createCoordinator({ orchestrator: async () => 1 });
    await expect(serve(coordinator, { port: -1 })).rejects.toThrow(/^port: expected/);
    await expect(serve(coordinator, { hosts: "x" } as never)).rejects.toThrow(/^hosts: expected/);
    const { port } = await served();
    await expect(serve(coordinator, { port })).rejects.toThrow(/EADDRINUSE/);
  });

  it("closes once, with its event streams, and leaves the coordinator at work", async () => {
    const { url, close, coordinator } = await served();
    const reader = new EventReader(await fetch(`${url}/events`));
    await reader.next();
    await Promise.all([close(), close()]);
    expect(await reader.next()).toBeUndefined();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    expect(await coordinator.waitFor(await coordinator.start(3))).toBe(3);
  });

  it("refuses what is no HTTP, and headers beyond any measure, in words", async () => {
    const { port, url } = await served();
    const requests: Record<string, RegExp> = {
      "GARBAGE\r\n\r\n": /^HTTP\/1.1 400 [\s\S]*application\/problem\+json[\s\S]*"status":400/,
      [`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(100_000)}\r\n\r\n`]: /^HTTP\/1.1 431 [\s\S]*problem\+json/,
      [`GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: ${"x".repeat(20_000)}\r\n\r\n`]:
        /^HTTP\/1.1 431 [\s\S]*HEADERS_TOO_LARGE/,
      "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n": /^HTTP\/1.1 421 [\s\S]*HOST_REFUSED/,
      "GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n": /^HTTP\/1.1 4\d\d [\s\S]*problem\+json/,
      "GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n": /^HTTP\/1.1 421 /,
    };
    for (const [request, answer] of Object.entries(requests)) {
      const socket = connect(port, "127.0.0.1");
      socket.end(request);
      expect(await said(socket)).toMatch(answer);
    }
    expect(await isAlive(url)).toBe(true);
  });

  it("survives those who send slowly, and cuts them off", async () => {
    const { port, url } = await served({ headersTimeoutMs: 300, requestTimeoutMs: 600 } as ServeOptions);
    const slow = Array.from({ length: 200 }, () => connect(port, "127.0.0.1"));
    const answers = slow.map((socket, index) => {
      socket.write("POST /executions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
      if (index % 2 === 0) socket.write("content-length: 100\r\n\r\n{");
      return said(socket);
    });
    expect(await isAlive(url)).toBe(true);
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^(HTTP\/1.1 4\d\d |$)/);
    expect(await isAlive(url)).toBe(true);
  });

  it("survives bodies of 100 MB, and takes no more of them than it wants", async () => {
    const { port, url, coordinator } = await served();
    const before = process.memoryUsage().rss;
    const chunk = Buffer.alloc(65_536, 32);
    const send = (length: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { "content-type": "application/json", ...(length === "" ? {} : { "content-length": length }) };
        const outgoing = httpRequest({ port, host: "127.0.0.1", path: "/executions", method: "POST", headers });
        let isAnswered = false;
        outgoing.on("response", (answer: IncomingMessage) => {
          isAnswered = true;
          answer.resume().on("end", () => {
            outgoing.destroy();
            resolve(answer.statusCode);
          });
        });
        // It may cut the connection while there is more to send.
        outgoing.on("error", (error) => (isAnswered ? undefined : reject(error)));
        let left = 1_600;
        const pump = (): void => {
          while (left > 0 && !outgoing.destroyed) {
            left -= 1;
            if (!outgoing.write(chunk)) {
              outgoing.once("drain", pump);
              return;
            }
          }
          if (left === 0) outgoing.end();
        };
        pump();
      });
    expect(await Promise.all(Array.from({ length: 5 }, () => send(String(1_600 * chunk.length))))).toEqual(Array(5).fill(413));
    expect(await Promise.all(Array.from({ length: 5 }, () => send("")))).toEqual(Array(5).fill(413));
    expect(await isAlive(url)).toBe(true);
    expect(coordinator.counts().total).toBe(0);
    expect((process.memoryUsage().rss - before) / 1_048_576).toBeLessThan(100);
  });

  it("brings events to 5 000 readers", { timeout: 120_000 }, async () => {
    const { port, url, coordinator } = await served();
    const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY, maxTotalSockets: Number.POSITIVE_INFINITY });
    let completions = 0;
    let resolve = () => {};
    const allHeard = new Promise<void>((heard) => {
      resolve = heard;
    });
    const readers: IncomingMessage[] = [];
    const open = () =>
      new Promise<void>((opened, reject) => {
        const outgoing = httpRequest({ port, host: "127.0.0.1", path: "/events", agent });
        outgoing.on("error", reject);
        outgoing.on("response", (answer) => {
          answer.setEncoding("latin1").on("data", (text: string) => {
            if (!text.includes("execution.completed")) return;
            completions += 1;
            if (completions === 5_000) resolve();
          });
          answer.on("error", () => {});
          readers.push(answer);
          opened();
        });
        outgoing.end();
      });
    for (let batch = 0; batch < 25; batch += 1) await Promise.all(Array.from({ length: 200 }, open));
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("actorfleet_event_clients 5000");
    await coordinator.waitFor(await coordinator.start(1));
    await allHeard;
    expect(await isAlive(url)).toBe(true);
    for (const reader of readers) reader.destroy();
    await expect.poll(async () => (await fetch(`${url}/metrics`)).text(), { timeout: 60_000 }).toContain("actorfleet_event_clients 0");
    agent.destroy();
  });
});
