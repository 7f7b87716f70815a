import { mkdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { serve } from "../../src/http/index.ts";
import { staticFiles } from "../../src/http/static-files.ts";
import { createCoordinator } from "../../src/index.ts";
import { orderMachine } from "../http/dashboard/order-machine.ts";
import { launchChromium } from "./chromium.ts";
import { buildDashboard } from "./dashboard-build.ts";

/** Makes the pictures of the dashboard that README shows: `npm run screenshots`. */

const folder = fileURLToPath(new URL("../../examples/screenshots/", import.meta.url));
mkdirSync(folder, { recursive: true });
const browser = await launchChromium();
if (typeof browser === "string") throw new Error(browser);
const build = await buildDashboard();
const coordinator = createCoordinator({ orchestrator: orderMachine(() => pause(900)), maxConcurrent: 12 });
const server = await serve(coordinator, { dashboard: staticFiles(build.folder) });

const pages = await Promise.all(
  (["light", "dark"] as const).map(async (colorScheme) => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 700 }, colorScheme });
    await page.goto(`${server.url}/`);
    return { colorScheme, page };
  }),
);

const ids = await coordinator.startMany(
  Array.from({ length: 90 }, (_, n) => ({ input: { total: n }, options: { id: `order-${1_001 + n}`, group: n % 3 ? "web" : "shop" } })),
);
for (let second = 0; second < 14; second += 1) {
  await pause(1_000);
  for (const id of ids.slice(second * 5, second * 5 + 5)) {
    if (id.endsWith("7")) await coordinator.cancel(id, "the customer changed their mind");
    else coordinator.send(id, { type: id.endsWith("3") ? "reject" : "approve" });
  }
  for (const id of ids.slice(0, second * 5 - 6)) coordinator.send(id, { type: "packed" });
}
for (const { colorScheme, page } of pages) {
  await page.screenshot({ path: `${folder}overview-${colorScheme}.png` });
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.goto(`${server.url}/#/executions/order-1080`);
  await page.getByLabel("in waitingForApproval").waitFor();
  await page.screenshot({ path: `${folder}execution-${colorScheme}.png` });
}

await browser.close();
await server.close();
await coordinator.close({ mode: "cancel", deadlineMs: 0 });
build.remove();
