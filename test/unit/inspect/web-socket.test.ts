import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Coordinator, createCoordinator } from "../../../src/index.ts";
import { createFleetInspector, type FleetInspector, type InspectionMessage } from "../../../src/inspect/index.ts";
import { freePort } from "../../support/free-port.ts";

const cleanups: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Stately's own server in a process of its own, and somebody who looks at what it passes on. */
async function openServer(port: number) {
  const script = `import { createInspectorServer } from "@statelyai/inspect/server"; createInspectorServer({ port: ${port}, autoOpen: false });`;
  const server = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  const client = await connected(port);
  const messages: InspectionMessage[] = [];
  const waiting: { matches(message: InspectionMessage): boolean; resolve(message: InspectionMessage): void }[] = [];
  client.on("message", (data) => {
    const message = JSON.parse(String(data)) as InspectionMessage;
    messages.push(message);
    for (const waiter of waiting) if (waiter.matches(message)) waiter.resolve(message);
  });
  const stop = async () => {
    const gone = Promise.all([once(client, "close"), once(server, "exit")]);
    server.kill("SIGKILL");
    await gone;
  };
  return {
    stop,
    until: (matches: (message: InspectionMessage) => boolean) =>
      new Promise<InspectionMessage>((resolve) => {
        const found = messages.find(matches);
        if (found !== undefined) resolve(found);
        else waiting.push({ matches, resolve });
      }),
  };
}

async function connected(port: number): Promise<WebSocket> {
  for (;;) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("open", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return socket;
  }
}

function watched(port: number): { coordinator: Coordinator<string, string>; inspector: FleetInspector; finish(): void } {
  let finish = () => {};
  const gate = new Promise<void>((resolve) => (finish = resolve)); // biome-ignore format: one thing
  const inspector = createFleetInspector({ url: `ws://127.0.0.1:${port}` });
  const coordinator = createCoordinator({
    inspect: inspector,
    orchestrator: async (word: string) => {
      await gate;
      return word;
    },
  });
  cleanups.push(
    () => inspector.close(),
    () => coordinator.close({ mode: "cancel", deadlineMs: 0 }),
  );
  return { coordinator, inspector, finish };
}

const isActor = (name: string, state?: string) => (message: InspectionMessage) =>
  message.type === "@xstate.actor" &&
  message.name === name &&
  JSON.stringify(message.snapshot.value) === (state ?? JSON.stringify("accepting"));

it("the real server passes on what happens, also when it comes after the work has begun", async () => {
  const port = await freePort();
  const { coordinator, finish } = watched(port);
  const id = await coordinator.start("a word");
  const server = await openServer(port);
  cleanups.push(server.stop);
  await server.until(isActor("supervisor"));
  await server.until(isActor(id, '{"running":"working"}'));
  finish();
  const end = await server.until(
    ({ type, ...message }) => type === "@xstate.snapshot" && (message as { snapshot: { value: unknown } }).snapshot.value === "completed",
  );
  expect(JSON.stringify(end)).not.toContain("a word");
});

it("a server that was away is told what there is when it comes back", async () => {
  const port = await freePort();
  const { coordinator, finish } = watched(port);
  const first = await openServer(port);
  await first.until(isActor("supervisor"));
  await first.stop();
  const id = await coordinator.start("meanwhile");
  const second = await openServer(port);
  cleanups.push(second.stop);
  await second.until(isActor("supervisor"));
  await second.until(isActor(id, '{"running":"working"}'));
  finish();
  expect(await coordinator.waitFor(id)).toBe("meanwhile");
});

it.each(["with", "without"])("it does not keep the process alive, %s a server", async (presence) => {
  const port = await freePort();
  if (presence === "with") cleanups.push((await openServer(port)).stop);
  const script = `
    import { createCoordinator } from "./src/index.ts";
    import { createFleetInspector } from "./src/inspect/index.ts";
    const inspector = createFleetInspector({ url: "ws://127.0.0.1:${port}", onError: (error) => console.error(error) });
    const coordinator = createCoordinator({ orchestrator: async () => {}, inspect: inspector });
    await coordinator.waitFor(await coordinator.start(undefined));
    await coordinator.close();`;
  const { status, stdout, stderr } = await run(script);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});

/** In a process of its own. */
async function run(script: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script]);
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (data) => (printed[name] += data));
  const [status] = await once(child, "close");
  return { status, ...printed };
}
