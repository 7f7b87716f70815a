import { assign, setup } from "xstate";
import { serve } from "../src/http/index.ts";
import { createCoordinator } from "../src/index.ts";

/** A program serves its executions; another one, with nothing but `fetch`, starts one, follows it, signals it and reads its result. */

const order = setup({
  types: { input: {} as { item: string }, context: {} as { item: string; paid: boolean }, output: {} as string },
}).createMachine({
  context: ({ input }) => ({ ...input, paid: false }),
  initial: "unpaid",
  states: {
    unpaid: { tags: "waiting", on: { "order.paid": { target: "packed", actions: assign({ paid: true }) }, "order.withdrawn": "over" } },
    packed: { after: { 50: "over" } },
    over: { type: "final" },
  },
  output: ({ context }) => (context.paid ? `${context.item} on its way` : "nothing sent"),
});
const coordinator = createCoordinator({ orchestrator: order });
const { url, close } = await serve(coordinator);

const post = (path: string, body: object) =>
  fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const started = await post("/executions", { input: { item: "a lamp" }, options: { tags: ["shop"] } });
const path = started.headers.get("location") ?? "";
console.log(`started: ${started.status}`);

const refused = await post(`${path}/events`, { type: "order.lost" });
const problem = (await refused.json()) as { title: string; accepts: string[] };
console.log(`order.lost: ${refused.status} ${problem.title}; accepted: ${problem.accepts.join(", ")}`);
const wrong = await post("/executions", { options: { priority: "high" } });
const { errors } = (await wrong.json()) as { errors: { pointer: string; detail: string }[] };
console.log(`a wrong start: ${wrong.status} ${errors[0]?.pointer} ${errors[0]?.detail}`);

const events = await fetch(`${url}${path}/events`);
console.log(`order.paid: ${(await post(`${path}/events`, { type: "order.paid" })).status}`);
const text = events.body?.pipeThrough(new TextDecoderStream());
for await (const chunk of text ?? []) {
  for (const [, type] of chunk.matchAll(/^event: (.*)$/gm)) console.log(`event: ${type}`);
}

const { status, result } = (await (await fetch(url + path)).json()) as { status: string; result: string };
console.log(`${status}: ${result}`);
const { records } = (await (await fetch(`${url}/stats`)).json()) as { records: { total: number } };
console.log(`${records.total} record`);
await close();
await coordinator.close();
