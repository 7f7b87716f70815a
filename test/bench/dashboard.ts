import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { serve } from "../../src/http/index.ts";
import { staticFiles } from "../../src/http/static-files.ts";
import { createCoordinator } from "../../src/index.ts";
import { launchChromium } from "../support/chromium.ts";
import { buildDashboard } from "../support/dashboard-build.ts";
import { median } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const executions = 100_000;
const changesPerSecond = 1_000;
const secondsOfChanges = 5;
const rounds = 5;

/** The dashboard in Chromium: how soon the first of 100 000 executions is to be seen, and what live changes do to its frames. */
export async function bench(): Promise<void> {
  const browser = await launchChromium();
  if (typeof browser === "string") throw new Error(browser);
  const build = await buildDashboard();
  const coordinator = createCoordinator({
    orchestrator: async (_: undefined, { progress, signal }) => {
      for (let step = 1; !signal.aborted; step += 1) {
        progress(step);
        await pause(1_000, undefined, { signal }).catch(() => {});
      }
    },
    maxConcurrent: changesPerSecond,
  });
  await coordinator.startMany(Array.from({ length: executions }, () => ({ input: undefined })));
  const server = await serve(coordinator, { dashboard: staticFiles(build.folder) });
  const paints: number[] = [];
  const frames: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    const { paintMs, framesMs } = await visit(browser, server.url);
    paints.push(paintMs);
    frames.push(...framesMs);
  }
  paints.sort((a, b) => a - b);
  frames.sort((a, b) => a - b);
  const late = frames.filter((ms) => ms > 34).length / frames.length;
  const figures = {
    firstRowMs: median(paints),
    frameP50Ms: median(frames),
    frameP99Ms: frames[Math.floor(frames.length * 0.99)] ?? 0,
    late,
  };
  process.stdout.write(
    `${toTable(
      ["", "figure"],
      [
        ["ms until the first row is painted, median", toFigure(figures.firstRowMs)],
        [`ms between frames at ${changesPerSecond} changes a second, p50`, toFigure(figures.frameP50Ms)],
        ["… p99", toFigure(figures.frameP99Ms)],
        ["frames later than 34 ms, %", toFigure(late * 100)],
      ],
    )}\n${JSON.stringify({ bench: "dashboard", executions, changesPerSecond, rounds, ...figures })}\n`,
  );
  await browser.close();
  await server.close();
  await coordinator.close({ mode: "cancel", deadlineMs: 1_000 });
  build.remove();
}

async function visit(browser: Browser, url: string): Promise<{ paintMs: number; framesMs: number[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${url}/`, { waitUntil: "commit" });
  await page.locator("a.row").first().waitFor();
  const paintMs = await page.evaluate(() => performance.now());
  const framesMs = await framesOf(page);
  await page.close();
  return { paintMs, framesMs };
}

function framesOf(page: Page): Promise<number[]> {
  return page.evaluate(
    (ms) =>
      new Promise<number[]>((resolve) => {
        const gaps: number[] = [];
        const from = performance.now();
        let last = from;
        const frame = (now: number) => {
          gaps.push(now - last);
          last = now;
          if (now - from < ms) requestAnimationFrame(frame);
          else resolve(gaps.slice(1));
        };
        requestAnimationFrame(frame);
      }),
    secondsOfChanges * 1_000,
  );
}
