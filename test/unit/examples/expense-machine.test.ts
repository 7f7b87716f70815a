import { expect, test } from "vitest";
import { expenseMachine } from "../../../examples/durable-machine/expense-machine.ts";
import { createMemoryData, createMemoryStore } from "../../../src/adapters/memory/memory-store.ts";
import { createDurableCoordinator } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/index.ts";

const hourMs = 3_600_000;

test("an expense that nobody answers is waited for three days, in whichever process is there then", async () => {
  const clock = new VirtualClock();
  const data = createMemoryData();
  const open = () =>
    createDurableCoordinator({
      name: "expenses",
      store: createMemoryStore({ clock, data }),
      orchestrator: expenseMachine,
      clock,
      pollMs: 60_000,
      leaseMs: 600_000,
    });
  const asking = open();
  const id = await asking.start({ what: "a laptop", euros: 1_200 });
  await clock.advance(hourMs);
  expect(await asking.getStatus(id)).toMatchObject({ state: "running.waiting", progress: "asking" });
  await asking.close();

  await clock.advance(70 * hourMs);
  const later = open();
  await clock.advance(hourMs - 10_000);
  expect((await later.getStatus(id))?.status).toBe("running");
  await clock.advance(20_000);
  expect(await later.waitFor(id)).toBe("nobody answered in three days");
  await later.close();
});
