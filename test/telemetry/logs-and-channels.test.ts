import diagnosticsChannel from "node:diagnostics_channel";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { executionEventTypes } from "../../src/model/execution-event.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import { logEvents, observeStore, publishDiagnostics, type StoreCall } from "../../src/telemetry/index.ts";

const retry = { maxAttempts: 2, backoff: { type: "exponential", delayMs: 0 } } as const;

function createWork() {
  let attempts = 0;
  return createCoordinator({
    orchestrator: async (_: string) => {
      attempts += 1;
      if (attempts < 3) throw new Error(`no paper ${attempts}`, { cause: new Error("sold out") });
      return { secret: "result" };
    },
    retry,
  });
}

describe("logEvents", () => {
  it("writes a line for each event with what a reader of logs needs, and without the work itself", async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: "debug", base: null, timestamp: false }, { write: (line: string) => lines.push(JSON.parse(line)) });
    const coordinator = createWork();
    const writing = logEvents(coordinator, logger, { levels: { "execution.queued": false, "execution.completed": "debug" } });
    await coordinator.start("a", { id: "1" });
    await coordinator.drain();
    await coordinator.start("b", { id: "2" });
    await coordinator.drain();
    const err = { type: "Error", message: "no paper 1: sold out", stack: expect.stringContaining("sold out") };
    expect(lines).toMatchObject([
      { level: 30, event: "execution.started", executionId: "1", attempt: 1, msg: executionEventTypes["execution.started"] },
      { level: 40, event: "execution.retrying", executionId: "1", attempt: 1, delayMs: 0, err },
      { level: 30, event: "execution.started", executionId: "1", attempt: 2 },
      {
        level: 50,
        event: "execution.failed",
        executionId: "1",
        err: { type: "Error", message: expect.stringContaining("no paper 2") },
        durationMs: expect.any(Number),
      },
      { level: 30, event: "execution.started", executionId: "2" },
      { level: 20, event: "execution.completed", executionId: "2", durationMs: expect.any(Number) },
    ]);
    expect(JSON.stringify(lines)).not.toContain("secret");
    writing.unsubscribe();
    await coordinator.start("c");
    await coordinator.drain();
    expect(lines).toHaveLength(6);
  });
});

describe("publishDiagnostics", () => {
  it("publishes each event on the channel of its type, to whoever subscribes", async () => {
    const coordinator = createWork();
    const publishing = publishDiagnostics(coordinator);
    const heard: unknown[] = [];
    const listen = (message: unknown, name: string | symbol) => {
      const { event, coordinator: teller } = message as { event: { executionId: string }; coordinator: unknown };
      heard.push([name, event.executionId, teller === coordinator]);
    };
    diagnosticsChannel.subscribe("actorfleet:execution.failed", listen);
    await coordinator.start("a", { id: "1" });
    await coordinator.drain();
    diagnosticsChannel.unsubscribe("actorfleet:execution.failed", listen);
    publishing.unsubscribe();
    expect(heard).toEqual([["actorfleet:execution.failed", "1", true]]);
  });

  it("asks nothing of channels that nobody listens to", async () => {
    const published: unknown[] = [];
    const channel = () => ({ hasSubscribers: false, publish: (message: unknown) => published.push(message) });
    const coordinator = createWork();
    publishDiagnostics(coordinator, { channel });
    await coordinator.start("a");
    await coordinator.drain();
    expect(published).toEqual([]);
  });
});

describe("observeStore", () => {
  it("tells each call and how it ended, and leaves the store as it is", async () => {
    const calls: StoreCall[] = [];
    const memory = createMemoryStore();
    const store = observeStore(memory, (call) => {
      calls.push(call);
      throw new Error("a listener's own");
    });
    expect(await store.get("n", ["1"])).toEqual([undefined]);
    const failing = observeStore(
      { ...memory, capabilities: memory.capabilities, counts: () => Promise.reject(new StoreUnavailableError("away")) } as never,
      (call) => calls.push(call),
    ) as typeof memory;
    await expect(failing.counts({ name: "n" })).rejects.toThrow("away");
    expect(calls).toMatchObject([
      { operation: "get", lostLeases: 0, durationMs: expect.any(Number) },
      { operation: "counts", error: expect.any(StoreUnavailableError) },
    ]);
    await store.close();
    expect(calls).toHaveLength(2);
  });
});

describe("actorfleet/telemetry", () => {
  it("loads where there is neither Node nor OpenTelemetry", async () => {
    const { metafile } = await build({
      absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
      stdin: { contents: 'export * from "./src/telemetry/index.ts";', resolveDir: ".", loader: "ts" },
      ...{ bundle: true, write: false, metafile: true, outfile: "telemetry.js", format: "esm", platform: "browser" },
      external: ["xstate", "node:*", "@opentelemetry/*"],
      logLevel: "silent",
    });
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
  });
});
