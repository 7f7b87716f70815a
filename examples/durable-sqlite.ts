/**
 * Work that survives its process. Run it, stop it with Ctrl-C or kill -9, run it again: it goes on after the last saved step. The file is
 * `durable.sqlite` in the folder of temporary files, or the one named as argument.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStore } from "../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../src/index.ts";

const steps = 5;
const crashAfter = Number(process.env.CRASH_AFTER ?? Number.POSITIVE_INFINITY);
const store = createSqliteStore({ filename: process.argv[2] ?? join(tmpdir(), "durable.sqlite") });

const coordinator = createDurableCoordinator({
  name: "reports",
  store,
  leaseMs: 500, // short, so that the next process need not wait long for what this one held when it was killed
  orchestrator: async (title: string, { restored, checkpoint }) => {
    for (let step = Number(restored ?? 0) + 1; step <= steps; step++) {
      console.log(`${title}: step ${step} of ${steps}`);
      await checkpoint(step);
      if (step === crashAfter) process.kill(process.pid, "SIGKILL");
    }
    return `${title} has ${steps} steps`;
  },
});

// The key makes the second run of this program find the execution of the first one.
const id = await coordinator.start("Sales", { idempotencyKey: "sales-report" });
console.log(await coordinator.waitFor(id));
const { attempt = 0, takeovers = 0 } = (await coordinator.getStatus(id)) ?? {};
console.log(`attempts ${attempt}, of which its process ended ${takeovers}`);
await coordinator.close();
await store.close();
