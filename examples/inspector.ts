/** Watch a running program in the Stately inspector: `node examples/inspector.ts`, with its server started as the README says, or without. */
import { setTimeout as pause } from "node:timers/promises";
import { setup } from "xstate";
import { createCoordinator } from "../src/index.ts";
import { createFleetInspector } from "../src/inspect/index.ts";

const parcel = setup({
  types: { input: {} as { to: string }, events: {} as { type: "delivered" }, context: {} as { to: string } },
}).createMachine({
  id: "parcel",
  context: ({ input }) => input,
  initial: "packing",
  states: {
    packing: { after: { 300: "onTheRoad" } },
    onTheRoad: { tags: "waiting", on: { delivered: "delivered" } },
    delivered: { type: "final" },
  },
});

const inspector = createFleetInspector({
  url: process.env.INSPECTOR_URL ?? "ws://127.0.0.1:8080",
  only: ({ group }) => group !== "internal", // asked before anything is converted
});
const coordinator = createCoordinator({ orchestrator: parcel, inspect: inspector });

const lisbon = await coordinator.start({ to: "Lisbon" }, { id: "lisbon" });
const office = await coordinator.start({ to: "the office" }, { id: "office", group: "internal" });
for (const id of [lisbon, office]) {
  while (coordinator.getStatus(id)?.state !== "running.waiting") await pause(50);
  console.log(`${id}: ${coordinator.getStatus(id)?.progress}`);
}
const { watched, connected } = inspector.stats;
console.log(`shown: ${watched} of 2, ${connected ? "an inspector is looking" : "no inspector is there"}`);
for (const id of [lisbon, office]) coordinator.send(id, { type: "delivered" });
await coordinator.drain();
console.log("all delivered");
await coordinator.close();
await inspector.close();
