import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { and, not, setup } from "xstate";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import { caller } from "./api-world.ts";

const machine = setup({ guards: { inStock: () => true, isFraud: () => false }, actions: { note: () => {} } }).createMachine({
  id: "order",
  initial: "open",
  states: { open: { on: { pay: { guard: and(["inStock", not("isFraud")]), actions: "note", target: "paid" } } }, paid: { type: "final" } },
});

describe("the statecharts behind a coordinator", () => {
  it("are those of its parts, and of its orchestrator if that is one", async () => {
    const ofFunction = caller(createHttpApi(createCoordinator({ orchestrator: async () => 1 })));
    expect((await ofFunction.get("/machines")).body).toEqual({ items: ["execution", "supervisor", "worker"] });
    const missing = await ofFunction.get("/machines/orchestrator");
    expect(missing).toMatchObject({ status: 404, body: { detail: "there are execution, supervisor, worker" } });

    const { get } = caller(createHttpApi(createCoordinator({ orchestrator: machine })));
    const { body } = await get("/machines/orchestrator");
    expect(body).toMatchObject({ id: "order", events: ["pay"], initial: { target: ["#order.open"] } });
    expect(body.states.open.on.pay[0]).toMatchObject({
      guard: { type: "and", guards: ["inStock", { type: "not", guards: ["isFraud"] }] },
      actions: ["note"],
      target: ["#order.paid"],
    });
    expect((await get("/machines/execution")).body.states).toHaveProperty("running");

    const run = createCoordinator({ executor: async () => ({ success: true, output: "" }) });
    expect((await caller(createHttpApi(run)).get("/machines/orchestrator")).body.states).toHaveProperty("askingHuman");
  });
});

describe("numbers", () => {
  it("are the same for programs and for Prometheus", async () => {
    const coordinator = createCoordinator({ orchestrator: async (input: number) => input, maxConcurrent: 7 });
    const { get } = caller(createHttpApi(coordinator));
    await coordinator.waitFor(await coordinator.start(1));
    const { body } = await get("/stats");
    expect(body).toMatchObject({ process: { maxConcurrent: 7, mode: "accepting" }, records: { completed: 1, total: 1 } });
    const metrics = await get("/metrics");
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(metrics.body).toContain('actorfleet_executions{status="completed"} 1\n');
    expect(metrics.body).toContain("actorfleet_max_concurrent 7\n");
    for (const line of metrics.body.trimEnd().split("\n"))
      expect(line).toMatch(/^# (HELP|TYPE) actorfleet_\w+ .+$|^actorfleet_\w+(\{\w+="\w+"\})? \d+$/);
  });
});

describe("createHttpApi", () => {
  it("loads where there is no Node", async () => {
    const { metafile } = await build({
      absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
      stdin: { contents: 'export { createHttpApi, serve } from "./src/http/index.ts";', resolveDir: ".", loader: "ts" },
      ...{ bundle: true, write: false, metafile: true, outdir: "out", format: "esm", platform: "browser", splitting: true },
      external: ["xstate", "xstate/*", "node:*", "@hono/node-server"],
      logLevel: "silent",
    });
    const { outputs } = metafile;
    const atLoad = new Set<string>();
    const load = (file: string): void => {
      for (const { path, kind } of outputs[file]?.imports ?? []) {
        if (kind === "dynamic-import" || atLoad.has(path)) continue;
        atLoad.add(path);
        load(path);
      }
    };
    load(Object.keys(outputs).find((file) => outputs[file]?.entryPoint === "<stdin>") ?? "");
    const packages = [...atLoad].filter((path) => !Object.hasOwn(outputs, path));
    expect(packages).toEqual(["xstate"]);
  });
});
