import { expect, it } from "vitest";
import { sequentialIds } from "../../../src/testing/sequential-ids.ts";

it("ids count from 1 behind their prefix, each generator for itself", () => {
  const executions = sequentialIds();
  const orders = sequentialIds("order-");
  expect([executions(), executions(), orders(), executions()]).toEqual(["execution-1", "execution-2", "order-1", "execution-3"]);
});
