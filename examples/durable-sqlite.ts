/**
 * Work that survives its process. Run it, stop it with Ctrl-C or kill -9, run it again: it goes on after the last saved step.
 * Arguments: the step after which it kills itself (none by default), and the file (`durable.sqlite` among the temporary files).
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStore } from "../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../src/index.ts";

const steps = 5;
const [crashAfter = "never", filename = join(tmpdir(), "durable.sqlite")] = process.argv.slice(2);
const store = createSqliteStore({ filename });

const coordinator = createDurableCoordinator({
  name: "reports",
  store,
  leaseMs: 500, // short, so that the next process need not wait long for what this one held when it was killed
  orchestrator: async (title: string, { restored, checkpoint }) => {
    for (let step = Number(restored ?? 0) + 1; step <= steps; step++) {
      console.log(`${title}: step ${step} of ${steps}`);
      await checkpoint(step);
      if (step === Number(crashAfter)) process.kill(process.pid, "SIGKILL");
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
