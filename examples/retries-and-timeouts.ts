/** What becomes of errors: tried again with growing pauses, given up at once, or stopped because it took too long. */
import { setTimeout as pause } from "node:timers/promises";
import { createCoordinator, NonRetryableError } from "../src/index.ts";

type Download = "busy server" | "no such file" | "slow server" | "deaf server";

const coordinator = createCoordinator({
  orchestrator: async (download: Download, { attempt, signal, remainingMs }) => {
    if (download === "busy server" && attempt < 3) throw new Error("503, try again later");
    if (download === "no such file") throw new NonRetryableError("404, trying again is of no use");
    if (download === "slow server") await pause(remainingMs() + 10_000, undefined, { signal }); // The signal ends it with the timeout.
    if (download === "deaf server") await pause(400); // Knows nothing of the signal: its slot stays taken until it settles.
    return `done in attempt ${attempt}`;
  },
  retry: { maxAttempts: 3, backoff: { type: "exponential", delayMs: 50, factor: 2, jitter: 0 } },
  timeoutMs: 200,
});

coordinator.on("execution.retrying", ({ executionId, attempt, error, delayMs }) => {
  console.log(`  ${executionId}: attempt ${attempt} failed (${error.message}), the next one in ${delayMs} ms`);
});
coordinator.on("execution.timingOut", ({ executionId, attempt }) => console.log(`  ${executionId}: attempt ${attempt} takes too long`));

const downloads: Download[] = ["busy server", "no such file", "slow server", "deaf server"];
// Options of one start go before those of the coordinator: these two are not tried again.
const once = { retry: { maxAttempts: 1 } };
for (const download of downloads) await coordinator.start(download, { id: download, ...(/slow|deaf/.test(download) && once) });

for (const id of downloads) {
  const outcome = await coordinator.waitFor(id).catch((error: Error) => `${error.name}: ${error.message}`);
  console.log(`${id}: ${outcome}`);
}
const { completed, failed } = coordinator.counts();
console.log(`${completed} completed, ${failed} failed`);
await coordinator.close();
