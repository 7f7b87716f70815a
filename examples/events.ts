/** Three ways to watch: a listener for one type of event, a stream of all events, and a store with counts and capacity. */
import { setTimeout as pause } from "node:timers/promises";
import { createCoordinator } from "../src/index.ts";

const coordinator = createCoordinator({
  maxConcurrent: 2,
  orchestrator: async (pages: number, { progress, signal }) => {
    if (pages > 100) throw new Error("too long to read");
    for (let page = 1; page <= pages; page += 1) {
      await pause(20, undefined, { signal });
      progress({ page, of: pages });
    }
    return pages;
  },
});

// 1. A listener. What it throws goes to `onError` and changes nothing. `*` hears every type.
const subscription = coordinator.on("execution.completed", ({ executionId, result, durationMs }) => {
  console.log(`listener: ${executionId} has read ${result} pages in ${durationMs} ms`);
});

// 2. A stream, for code that would rather wait than be called. A reader that falls far behind is told how much it missed.
const reading = new AbortController();
const reader = (async () => {
  for await (const event of coordinator.events({ signal: reading.signal })) {
    if (event.type === "events.overflowed") console.log(`stream: missed ${event.dropped}`);
    else console.log(`stream: ${event.sequence} ${event.executionId} ${event.type}`);
  }
})();

// 3. The stats, to read or to subscribe to.
let mostAtOnce = 0;
const stats = coordinator.stats.subscribe(({ context }) => {
  mostAtOnce = Math.max(mostAtOnce, context.slotsTaken);
});

await coordinator.startMany([
  { input: 3, options: { id: "leaflet" } },
  { input: 500, options: { id: "novel" } },
  { input: 5, options: { id: "letter" } },
]);
await coordinator.drain();

const { completed, failed, maxConcurrent } = coordinator.stats.getSnapshot().context;
console.log(`stats: ${completed} completed, ${failed} failed, at most ${mostAtOnce} of ${maxConcurrent} slots taken`);

subscription.unsubscribe();
stats.unsubscribe();
reading.abort();
await reader;
await coordinator.close();
