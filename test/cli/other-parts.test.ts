import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ended, printed, startProgram } from "./command.ts";
import { addReports, type SampleStore, sampleFolder } from "./sample-store.ts";

const program = fileURLToPath(new URL("other-parts-program.ts", import.meta.url));
const start = (...options: string[]) => startProgram([program, ...options]);

let sample: SampleStore;

beforeEach(() => {
  sample = sampleFolder();
});
afterEach(() => sample.remove());

it("simulate runs from a seed on, and gives the seed of a broken promise", async () => {
  expect(await ended(start("simulate", "--seed", "5", "--runs", "3"))).toMatchObject({
    code: 0,
    out: "All 3 runs from seed 5 on kept every promise.\n",
  });
  const json = await ended(start("simulate", "--seed", "5", "--runs", "2", "--workers", "2", "--json"));
  expect(JSON.parse(json.out)).toEqual({ firstSeed: 5, runs: 2, last: { seed: 6, workers: 2 } });
  const broken = await ended(start("simulate", "--seed", "12", "--runs", "5"));
  expect(broken).toMatchObject({ code: 1, error: "seed 13: something was lost\nReplay: npx actorfleet simulate --seed 13\n" });
});

it("dashboard serves a store until it is told to end", async () => {
  await addReports(sample.filename);
  const dashboard = start("dashboard", "--store", sample.place, "--port", "1234");
  await printed(dashboard, /The dashboard of reports is at http:\/\/127\.0\.0\.1:1234\/\?total=4&dashboard=true/);
  dashboard.child.kill("SIGINT");
  expect(await ended(dashboard)).toMatchObject({ code: 0, out: expect.stringMatching(/closed\n$/) });
  expect((await ended(start("dashboard", "--store", "sqlite:nowhere"))).error).toMatch(/There is no file nowhere/);
});

it("dashboard says when its port is taken", async () => {
  await addReports(sample.filename);
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { code, error } = await ended(start("dashboard", "--store", sample.place, "--port", String(port)));
  other.close();
  expect(code).toBe(3);
  expect(error).toBe(`Cannot listen at 127.0.0.1:${port}: another program listens there; take another --port.\n`);
});
