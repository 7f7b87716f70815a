/** The commands whose parts are elsewhere, with doubles of those parts. */
import { once } from "node:events";
import { createServer } from "node:http";
import { Command } from "commander";
import { addDashboardCommand } from "../../src/cli/dashboard-command.ts";
import { addSimulateCommand } from "../../src/cli/simulate-command.ts";

const program = new Command("actorfleet");
const done = (code: number) => {
  process.exitCode = code;
};
addSimulateCommand(program, done, async () => async ({ seed, workers }) => {
  if (seed === 13) throw new Error(`seed ${seed}: something was lost`);
  return { seed, workers };
});
addDashboardCommand(program, done, async () => async (coordinator, { port, hostname, dashboard }) => {
  const { total } = await coordinator.counts();
  const server = createServer().listen(port === 1234 ? 0 : port, hostname);
  await once(server, "listening");
  const close = async () => {
    server.close();
    console.log("closed");
  };
  return { url: `http://${hostname}:${port}/?total=${total}&dashboard=${dashboard}`, close };
});
await program.parseAsync().catch((error: Error & { exitCode?: number }) => {
  console.error(error.message);
  process.exitCode = error.exitCode ?? 9;
});
