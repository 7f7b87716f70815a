import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator, InvalidOptionsError } from "../../../src/index.ts";

describe("what a store cannot keep", () => {
  const memory = createMemoryStore();
  const store = { ...memory, capabilities: { ...memory.capabilities, groupLimits: false, rateLimits: false } };
  const create = (options: object) =>
    createDurableCoordinator({ name: "n", store, role: "client", orchestrator: async () => 1, ...options });

  it("is refused when the coordinator is made, by the name of the option", async () => {
    expect(() => create({ maxConcurrentPerGroup: 2 })).toThrow(InvalidOptionsError);
    expect(() => create({ maxConcurrentPerGroup: 2 })).toThrow("maxConcurrentPerGroup: expected nothing");
    expect(() => create({ rateLimit: { limit: 1, intervalMs: 1_000 } })).toThrow("rateLimit: expected nothing");
    await create({}).close();
  });
});
