import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../src/adapters/memory/index.ts";
import { type HttpServer, serve } from "../../../src/http/index.ts";
import { staticFiles } from "../../../src/http/static-files.ts";
import {
  type AnyOrchestrator,
  type Coordinator,
  type CoordinatorOptions,
  createCoordinator,
  createDurableCoordinator,
  type ExecutionScope,
  type InputOf,
} from "../../../src/index.ts";
import { launchChromium } from "../../support/chromium.ts";
import { buildDashboard } from "../../support/dashboard-build.ts";
import { orderMachine } from "./order-machine.ts";

const launched = await launchChromium();
const reason = typeof launched === "string" ? launched : undefined;

let browser: Browser;
let build: Awaited<ReturnType<typeof buildDashboard>>;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  if (typeof launched === "string") return;
  browser = launched;
  build = await buildDashboard();
}, 120_000);

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

afterAll(async () => {
  await browser?.close();
  build?.remove();
});

async function shown<O extends AnyOrchestrator>(options: CoordinatorOptions<O>) {
  const coordinator = createCoordinator<O>({ retention: { maxCount: 1_000_000 }, cancelGraceMs: 1_000, ...options });
  cleanups.push(() => coordinator.close({ mode: "cancel", deadlineMs: 0 }));
  const server = await listening(coordinator as unknown as Coordinator<never, unknown>);
  const page = await opened(server.url);
  return { coordinator: coordinator as Coordinator<InputOf<O>, unknown>, server, ...page };
}

async function listening(coordinator: Coordinator<never, unknown>, port = 0): Promise<HttpServer> {
  const server = await serve(coordinator, { port, dashboard: staticFiles(build.folder) });
  cleanups.push(() => server.close());
  return server;
}

/** Whatever goes wrong in the page, or is asked for elsewhere, is found in `complaints`. */
async function opened(url: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  cleanups.push(() => page.close());
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => !request.url().startsWith(url) && complaints.push(`asked for ${request.url()}`));
  await page.goto(`${url}/`);
  await page.getByText("live", { exact: true }).waitFor();
  return { page, complaints };
}

const rowOf = (page: Page, id: string) => page.locator("a.row", { hasText: id });

/** What the page may weigh, packed: a third of what was allowed. */
const mostBytes = 100_000;

describe.skipIf(reason !== undefined)(`the dashboard${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  it("shows what happens as it happens, without a word of complaint and without asking anybody else", async () => {
    const { coordinator, page, complaints } = await shown({ orchestrator: orderMachine(async () => 1) });
    const id = await coordinator.start({ total: 5 }, { id: "order-1", group: "north" });
    await rowOf(page, "order-1").getByText("running.waiting").waitFor();
    await page.locator(".gauge", { hasText: "running" }).getByText("1", { exact: true }).waitFor();
    await coordinator.cancel(id, "changed their mind");
    await rowOf(page, "order-1").getByText("cancelled").waitFor();
    expect(complaints).toEqual([]);
  });

  it("is small", () => {
    const files = readdirSync(build.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const packed = files.map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name))).length);
    expect(packed.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(mostBytes);
  });

  it("draws the statecharts of the execution and of its orchestrator with the active state lit, and offers what it accepts", async () => {
    const { coordinator, page } = await shown({ orchestrator: orderMachine(async () => 1) });
    await coordinator.start({ total: 5 }, { id: "order-1" });
    await rowOf(page, "order-1").getByText("running.waiting").waitFor();
    await rowOf(page, "order-1").click();
    await page.getByLabel("its orchestrator, order: in waitingForApproval").waitFor();
    await page.getByLabel("the execution: in running.waiting").waitFor();
    expect(await page.locator(".steering > button").allTextContents()).toEqual(["approve", "reject", "Cancel"]);
    await page.getByRole("button", { name: "approve" }).click();
    await page.getByLabel("the signal, as JSON").fill('{ "type": "approve", "by": "ann" }');
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("approve was accepted").waitFor();
    await page.getByLabel("its orchestrator, order: in fulfilling.packing").waitFor();
    await page.getByRole("button", { name: "packed" }).waitFor();
    await page.locator(".log").getByText("signalled").waitFor();
  });

  it("cancels with a reason, by keyboard", async () => {
    const { coordinator, page } = await shown({ orchestrator: orderMachine(async () => 1) });
    const id = await coordinator.start({ total: 5 }, { id: "order-1" });
    await page.locator("a.row").first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "order-1" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("reason, if there is one").fill("out of stock");
    await page.getByRole("button", { name: "Cancel execution" }).press("Enter");
    await page.locator(".execution header .state").getByText("cancelled").waitFor();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", reason: "out of stock" });
    await page.keyboard.press("Escape");
    await rowOf(page, "order-1").getByText("out of stock").waitFor();
  });

  it("tells what a server says no to", async () => {
    const { coordinator, page } = await shown({ orchestrator: orderMachine(async () => 1) });
    await coordinator.start({ total: 5 }, { id: "order-1" });
    await page.goto(`${page.url()}#/executions/order-1`);
    await page.getByRole("button", { name: "approve" }).click();
    await page.getByLabel("the signal, as JSON").fill('{ "type": "aprove" }');
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText('"aprove": it takes approve, reject').waitFor();
  });

  it("shows results and errors readably, and finds by id", async () => {
    const { coordinator, page } = await shown({
      orchestrator: async (input: string) => {
        if (input === "bad") throw new RangeError("too far <b>north</b>");
        return { route: [input, "Porto"] };
      },
    });
    await coordinator.startMany(["bad", "Lisbon"].map((input) => ({ input, options: { id: input } })));
    await page.keyboard.press("/");
    await page.keyboard.type("Lisbon\n");
    await page.locator(".json", { hasText: "result" }).getByText('"Porto"').waitFor();
    await page.goto(page.url().replace("Lisbon", "bad"));
    await page.locator(".json", { hasText: "error" }).getByText("too far <b>north</b>").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".find").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("Atlantis\n");
    await page.locator(".find output").getByText("Atlantis").waitFor();
  });

  it("takes keys from the moment there is something to take them", async () => {
    const { coordinator, page } = await shown({ orchestrator: async () => 1 });
    await coordinator.start(undefined, { id: "e1" });
    await page.goto(`${page.url()}#/executions/e1`);
    // Before the page can paint, or run anything but what put the field there.
    const focused = page.evaluate(
      () =>
        new Promise<string | null>((resolve) => {
          const observer = new MutationObserver(() => {
            if (document.querySelector(".find input") === null) return;
            observer.disconnect();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }));
            resolve(document.activeElement?.getAttribute("aria-label") ?? null);
          });
          observer.observe(document.body, { subtree: true, childList: true });
        }),
    );
    await page.getByRole("heading", { name: "e1" }).waitFor();
    await page.keyboard.press("Escape");
    expect(await focused).toBe("find by id");
  });

  it("narrows the list down by status, group and tag", async () => {
    const { coordinator, page } = await shown({ orchestrator: async (fails: boolean) => (fails ? Promise.reject(new Error("no")) : 1) });
    const ids = await coordinator.startMany(
      [1, 2, 3, 4].map((n) => ({ input: n > 3, options: { id: `e${n}`, group: n % 2 ? "odd" : "even", tags: n < 3 ? ["low"] : [] } })),
    );
    await Promise.allSettled(ids.map((id) => coordinator.waitFor(id)));
    const listed = async (count: number) => {
      await expect.poll(() => page.locator("a.row").count(), { timeout: 30_000 }).toBe(count);
      return page.locator("a.row .id").allTextContents();
    };
    await page.getByText("failed", { exact: true }).last().click();
    expect(await listed(1)).toEqual(["e4"]);
    await page.getByText("all", { exact: true }).click();
    await page.getByLabel("group").fill("odd");
    await page.keyboard.press("Enter");
    expect(await listed(2)).toEqual(["e3", "e1"]);
    await page.getByLabel("tag", { exact: true }).fill("low");
    await page.keyboard.press("Enter");
    expect(await listed(1)).toEqual(["e1"]);
  });

  it("shows the newest first, and keeps still for who reads below or is about to choose", async () => {
    const { coordinator, page } = await shown({ orchestrator: () => new Promise<void>(() => {}), maxConcurrent: 1 });
    const startMany = (name: string) =>
      coordinator.startMany(Array.from({ length: 300 }, (_, n) => ({ input: undefined, options: { id: `${name}-${n}` } })));
    const first = () => page.locator("a.row .id").first().textContent();
    await startMany("a");
    await expect.poll(first, { timeout: 30_000 }).toBe("a-299");
    await page.locator(".rows").hover();
    await page.getByText("still while you choose").waitFor();
    await startMany("b");
    await page.locator(".footing", { hasText: "of 600 loaded" }).waitFor();
    expect(await first()).toBe("a-299");
    await page.mouse.move(0, 0);
    await expect.poll(first, { timeout: 30_000 }).toBe("b-299");
    await page.locator(".rows").evaluate((element) => element.scrollTo(0, 4_000));
    await page.getByText("new ones come at the top").waitFor();
    await startMany("c");
    await page.locator(".footing", { hasText: "of 900" }).waitFor();
    await rowOf(page, "b-188").waitFor();
    await page.locator(".rows").evaluate((element) => element.scrollTo(0, 0));
    await expect.poll(first, { timeout: 30_000 }).toBe("c-299");
  });

  it("tells what the store knows of the past, every attempt of it", async () => {
    const store = createMemoryStore();
    const options = { name: "past", store, pollMs: 10, maxStoredEvents: 100 } as const;
    const worker = createDurableCoordinator({
      ...options,
      retry: { maxAttempts: 3, backoff: { type: "exponential", delayMs: 20, jitter: 0 } },
      orchestrator: async (_: number, { attempt }: ExecutionScope) => {
        if (attempt < 3) throw new RangeError(`not at ${attempt}`);
        return "at last";
      },
    });
    const id = await worker.start(1, { id: "tried" });
    await worker.waitFor(id);
    await worker.close();
    const client = createDurableCoordinator({ ...options, role: "client", orchestrator: async () => 1 });
    cleanups.push(() => client.close().then(() => store.close()));
    const server = await listening(client as unknown as Coordinator<never, unknown>);
    const { page } = await opened(server.url);
    await rowOf(page, "tried").click();
    await page.locator(".log").getByText("RangeError: not at 2; again in 40 ms").waitFor();
    const titles = page.locator(".timeline li").evaluateAll((segments) => segments.map((segment) => segment.getAttribute("title")));
    expect(await titles).toEqual([
      expect.stringMatching(/^queued/),
      ...[1, 2].flatMap((attempt) => [expect.stringMatching(`^attempt ${attempt}:`), expect.stringMatching(/^queued/)]),
      expect.stringMatching(/^attempt 3:/),
    ]);
    expect(await page.locator(".log li").count()).toBe(7);
  });

  it("goes on by itself when the server was away", async () => {
    const { coordinator, server, page } = await shown({ orchestrator: orderMachine(async () => 1) });
    await server.close();
    await page.getByText("connection lost, trying again…").waitFor();
    await coordinator.start({ total: 5 }, { id: "order-1" });
    await listening(coordinator as unknown as Coordinator<never, unknown>, Number(new URL(server.url).port));
    await page.getByText("live", { exact: true }).waitFor();
    await rowOf(page, "order-1").waitFor();
  });

  it("holds few rows of 100 000 in the document, and loads others as they are scrolled to", async () => {
    const { coordinator, page } = await shown({ orchestrator: () => new Promise<void>(() => {}), maxConcurrent: 1 });
    await coordinator.startMany(Array.from({ length: 100_000 }, (_, n) => ({ input: undefined, options: { id: `e${n}` } })));
    await page.reload();
    await rowOf(page, "e99999").waitFor();
    await page.locator(".footing", { hasText: "of 100,000" }).waitFor();
    const rows = page.locator(".rows");
    for (let seen = 0; seen < 1_000; ) {
      await rows.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await expect.poll(() => page.locator("a.row").count(), { timeout: 30_000 }).toBeGreaterThan(0);
      const last = (await page.locator("a.row .id").last().textContent()) ?? "";
      seen = 100_000 - Number(last.slice(1));
      expect(await page.locator("a.row").count()).toBeLessThan(80);
    }
  });
});
