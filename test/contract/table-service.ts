import { expect } from "vitest";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import type { HttpProxy, ProxiedRequest, Treatment } from "../support/http-proxy.ts";

/** What stores on a cloud's tables promise alike of a service that fails them. */

export const name = "p";
export const complete = { type: "complete", result: "1" } as const;

/** Loses the answer to each write once. `keyOf` tells writes apart, and is undefined of what is none. Gives how many were lost. */
export async function loseAnswers(
  proxy: HttpProxy,
  store: ExecutionStore,
  keyOf: (request: ProxiedRequest) => string | undefined,
): Promise<number> {
  await store.counts({ name });
  const lost = new Set<string>();
  proxy.treat = (request) => {
    const key = keyOf(request);
    if (key === undefined || lost.has(key)) return "pass";
    lost.add(key);
    return "cut";
  };
  const executions = [newExecution("a"), newExecution("b", { idempotencyKey: "k" })];
  expect(await store.insert({ name, executions })).toMatchObject([
    { inserted: true, repeated: false },
    { inserted: true, repeated: false },
  ]);
  const request = { name, owner: "w", claimId: "c", limit: 10, leaseMs: 60_000, machineId: "machine", versions: "any" } as const;
  const { executions: claimed } = await store.claim(request);
  expect(claimed.map(({ id, fence }) => [id, fence])).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  const settlements = claimed.map(({ id, fence }) => ({ id, fence, outcome: complete }));
  expect(await store.settle({ name, owner: "w", settlements })).toMatchObject([
    { settled: true, repeated: false },
    { settled: true, repeated: false },
  ]);
  return lost.size;
}

/** Writes are answered so twice, which only slows them down, and then without end, which gives the error. */
export async function throttle(
  proxy: HttpProxy,
  store: ExecutionStore,
  isWrite: (request: ProxiedRequest) => boolean,
  throttled: Treatment,
): Promise<Error> {
  await store.counts({ name });
  let refusals = 2;
  proxy.treat = (request) => (isWrite(request) && refusals-- > 0 ? throttled : "pass");
  expect(await store.insert({ name, executions: [newExecution("a")] })).toMatchObject([{ inserted: true, repeated: false }]);
  proxy.treat = (request) => (isWrite(request) ? throttled : "pass");
  const error: unknown = await store.insert({ name, executions: [newExecution("b")] }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StoreUnavailableError);
  proxy.treat = () => "pass";
  expect(await store.insert({ name, executions: [newExecution("b")] })).toMatchObject([{ inserted: true }]);
  return error as Error;
}

/** From `freeze` on the service does not answer a store with a short `operationTimeoutMs`: calls are given up, and so they are by a close. */
export async function giveUp(store: ExecutionStore, freeze: () => void): Promise<void> {
  await store.counts({ name });
  freeze();
  await expect(store.insert({ name, executions: [newExecution("a")] })).rejects.toThrow(StoreUnavailableError);
  const underWay = store.counts({ name }).catch((error: { code: string }) => error.code);
  await store.close();
  expect(["STORE_UNAVAILABLE", "COORDINATOR_CLOSED"]).toContain(await underWay);
}
