import { expect, it } from "vitest";
import { createActor, fromTransition } from "xstate";
import { createCoordinator } from "../../../src/core/coordinator.ts";

it("a supervisor's system does not list its actors, by the name that XState has for it", async () => {
  const plain = createActor(fromTransition(() => 0, 0)).system;
  expect(plain).toHaveProperty("_register");
  const coordinator = createCoordinator({ orchestrator: async (input: number) => input });
  expect(String(Reflect.get(coordinator.supervisor.system, "_register"))).not.toBe(String(Reflect.get(plain, "_register")));
  await coordinator.close();
});
