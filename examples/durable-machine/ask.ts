/**
 * A workflow that waits for days and lives in no process meanwhile: `ask.ts laptop 1200` begins it and ends; `approve.ts laptop Grace`, run
 * whenever you like, sends the answer, and goes on with it from where it was.
 */
import { setTimeout as pause } from "node:timers/promises";
import { openExpenses } from "./expenses.ts";

const [what = "laptop", euros = "1200"] = process.argv.slice(2);
const { coordinator, close } = openExpenses();

// The key makes asking twice the same as asking once.
const id = await coordinator.start({ what, euros: Number(euros) }, { id: what, idempotencyKey: what });
let status = await coordinator.getStatus(id);
while (status?.status === "queued" || coordinator.stats.getSnapshot().context.running > 0) {
  await pause(10);
  status = await coordinator.getStatus(id);
}
console.log(`${id} is ${status?.state}: the machine is ${status?.progress ?? "at its end"}, and this process holds nothing of it`);
await close();
