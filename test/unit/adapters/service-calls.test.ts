import { expect, test } from "vitest";
import { ServiceCalls } from "../../../src/adapters/service-calls.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

const open = (load: () => Promise<string>) => {
  const clock = new VirtualClock();
  const calls = new ServiceCalls({
    ...{ service: "Post", usedBy: "letter box", operationTimeoutMs: 1_000, timers: clock, load },
    toError: (error) => new Error(`told: ${(error as Error).message}`),
  });
  return { clock, calls };
};

test("a client that throws instead of rejecting is told like one that rejects, and leaves no timer", async () => {
  const { clock, calls } = open(async () => "client");
  const thrown = calls.run(() => {
    throw new Error("no");
  });
  await expect(thrown).rejects.toThrow("told: no");
  await expect(calls.run(() => Promise.reject(new Error("not now")))).rejects.toThrow("told: not now");
  expect(clock.pending).toBe(0);
});

test("what fails to load is loaded again by the next call, and a call that is never answered ends in time, or with the close", async () => {
  let loads = 0;
  const { clock, calls } = open(async () => {
    loads += 1;
    if (loads === 1) throw new Error("not installed");
    return "client";
  });
  const answer = async (client: string) => client;
  await expect(calls.run(answer)).rejects.toThrow("not installed");
  expect([await calls.run(answer), await calls.run(answer), loads]).toEqual(["client", "client", 2]);
  let signal: AbortSignal | undefined;
  const silent = (_: string, options: { abortSignal: AbortSignal }) => {
    signal = options.abortSignal;
    return new Promise(() => {});
  };
  const late = expect(calls.run(silent, 500)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: /within 1500 ms/ });
  await clock.advance(1_500);
  await late;
  expect(signal?.aborted).toBe(true);
  const closed = expect(calls.run(silent)).rejects.toThrow("the letter box was closed meanwhile");
  await clock.settle();
  expect(await calls.close()).toBe("client");
  await closed;
  await expect(calls.run(answer)).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
});
