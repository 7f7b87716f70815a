/** What the Stately inspector shows, as a tree in the terminal, through Stately's own server: `node examples/inspector-terminal.ts`. */
import { setTimeout as pause } from "node:timers/promises";
import { createInspectorServer } from "@statelyai/inspect/server";
import { setup } from "xstate";
import { createCoordinator } from "../src/index.ts";
import { createFleetInspector } from "../src/inspect/index.ts";

const parcel = setup({ types: { events: {} as { type: "delivered" } } }).createMachine({
  id: "parcel",
  initial: "packing",
  states: {
    packing: { after: { 300: "onTheRoad" } },
    onTheRoad: { tags: "waiting", on: { delivered: "delivered" } },
    delivered: { type: "final" },
  },
});

interface Shown {
  name: string;
  parent: string | undefined;
  state: string;
}
const actors = new Map<string, Shown>();

/** The actors below this one, each with its state, as they were told. */
function printTree(parent?: string, indent = ""): void {
  for (const [id, { name, parent: of, state }] of actors) {
    if (of !== parent) continue;
    console.log(`${`${indent}${name}`.padEnd(24)}${state}`);
    printTree(id, `${indent}  `);
  }
}

const port = 20_000 + (process.pid % 20_000);
const url = `ws://127.0.0.1:${port}`;
const server = createInspectorServer({ port, autoOpen: false });
const viewer = new WebSocket(url);
viewer.onmessage = ({ data }) => {
  const { type, sessionId, name, parentId, snapshot } = JSON.parse(data);
  const state = JSON.stringify(snapshot?.value ?? snapshot?.status)?.replaceAll('"', "");
  if (type === "@xstate.actor") actors.set(sessionId, { name, parent: parentId, state });
  else if (type === "@xstate.snapshot") Object.assign(actors.get(sessionId) ?? {}, { state });
};

const inspector = createFleetInspector({ url });
const coordinator = createCoordinator({ orchestrator: parcel, inspect: inspector });
await coordinator.startMany(["lisbon", "porto"].map((id) => ({ input: undefined, options: { id } })));
const isShown = (state: string) => [...actors.values()].some((actor) => actor.state === state);
for (const state of ["onTheRoad", "delivered"]) {
  while (!isShown(state)) await pause(20);
  printTree();
  if (state === "onTheRoad") coordinator.send("lisbon", { type: "delivered" });
}
await coordinator.close({ mode: "cancel" });
await inspector.close();
viewer.close();
server.stop();
