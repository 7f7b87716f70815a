/** Letters that wait for a signature, on the dashboard: `node examples/dashboard.ts --stay`, then open the address. Build it once: `npm run build:dashboard`. */
import { setup } from "xstate";
import { serve } from "../src/http/index.ts";
import { createCoordinator } from "../src/index.ts";

const letter = setup({
  types: { input: {} as { to: string }, context: {} as { to: string }, events: {} as { type: "sign"; by: string } | { type: "discard" } },
}).createMachine({
  id: "letter",
  context: ({ input }) => input,
  initial: "writing",
  states: {
    writing: { after: { 200: "onTheDesk" } },
    onTheDesk: { tags: "waiting", on: { sign: "sent", discard: "discarded" } },
    sent: { type: "final" },
    discarded: { type: "final" },
  },
});

const coordinator = createCoordinator({ orchestrator: letter });
const { url, close } = await serve(coordinator, { dashboard: true });
const ids = await coordinator.startMany(["Ada", "Grace", "Edsger"].map((to) => ({ input: { to }, options: { id: to, group: "letters" } })));
console.log(`Sign or discard them at ${url}`);

if (!process.argv.includes("--stay")) {
  // What the buttons do, as a program would.
  const ask = async (path: string, body?: object) =>
    fetch(`${url}${path}`, body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const shown = async (id: string) => (await (await ask(`/executions/${id}`)).json()) as { stateValue?: string; accepts?: string[] };
  while ((await shown("Ada")).stateValue !== "onTheDesk") await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(`Ada: ${(await shown("Ada")).accepts?.join(" or ")}?`);
  for (const id of ids) await ask(`/executions/${id}/events`, id === "Edsger" ? { type: "discard" } : { type: "sign", by: "me" });
}
await coordinator.drain();
console.log(ids.map((id) => `${id}: ${coordinator.getStatus(id)?.status}`).join(", "));
await close();
await coordinator.close();
