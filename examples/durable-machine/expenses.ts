import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import { expenseMachine } from "./expense-machine.ts";

/** What both programs open: the same name in the same file (`expenses.sqlite` among the temporary files, or `EXPENSES`). */
export function openExpenses() {
  const store = createSqliteStore({ filename: process.env.EXPENSES ?? join(tmpdir(), "expenses.sqlite") });
  const coordinator = createDurableCoordinator({ name: "expenses", store, orchestrator: expenseMachine });
  const close = async () => {
    await coordinator.close();
    await store.close();
  };
  return { coordinator, close };
}
