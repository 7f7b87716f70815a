/** The basic flow: a limit of five, three starts, status, the list of what runs, a cancel, and cleaning up after half an hour. */
import { setTimeout as pause } from "node:timers/promises";
import { createCoordinator } from "../src/index.ts";

const coordinator = createCoordinator({
  maxConcurrent: 5,
  orchestrator: async (letter: { to: string }, { signal, progress }) => {
    for (const step of ["write", "sign", "seal"]) {
      progress(step);
      await pause(200, undefined, { signal }); // Whatever takes long gets the signal, so that a cancel ends it at once.
    }
    return `a letter to ${letter.to}`;
  },
});

const ids = [];
for (const to of ["Ada", "Grace", "Edsger"]) ids.push(await coordinator.start({ to }));
const [first, second, third] = ids as [string, string, string];

const status = coordinator.getStatus(first);
console.log(`the first is ${status?.status} (${status?.state}), attempt ${status?.attempt} of ${status?.maxAttempts}`);
console.log(`running: ${coordinator.list({ status: "running" }).items.length} of at most 5`);

console.log(`cancel the second: ${await coordinator.cancel(second, "Grace moved house")}`);
await coordinator.waitFor(second).catch((error: Error) => console.log(`${error.name}: ${error.message.replace(second, "the second")}`));
console.log(`cancel it again: ${await coordinator.cancel(second)}`);

console.log(`done: ${await coordinator.waitFor(first)}`);
console.log(`done: ${await coordinator.waitFor(third)}`);
for (const { status, durationMs, reason } of coordinator.list().items)
  console.log(`  ${status} after ${durationMs} ms ${reason ?? ""}`.trimEnd());

// Records of finished executions stay for an hour unless `retention` says otherwise; cleaning up by hand is possible at any time.
console.log(
  `older than 30 minutes: ${await coordinator.cleanup({ olderThanMs: 30 * 60_000 })} removed, ${coordinator.counts().total} kept`,
);
await coordinator.close();
