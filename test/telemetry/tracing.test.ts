import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../src/core/coordinator.ts";
import type { CoordinatorSnapshot } from "../../src/core/coordinator-snapshot.ts";
import type { TracedAttempt, Tracing } from "../../src/ports/tracing.ts";
import { createManualOrchestrator } from "../../src/testing/index.ts";

const orchestrator = async (input: number) => {
  if (input < 0) throw new Error("below zero");
  return input;
};

describe("tracing", () => {
  const broken: Record<string, Tracing> = {
    "throws at a start": {
      started: () => {
        throw new Error("tracing");
      },
      attempt: (_, begin) => void begin(),
    },
    "throws before an attempt": {
      started: () => undefined,
      attempt: () => {
        throw new Error("tracing");
      },
    },
    "throws after an attempt has begun": {
      started: () => undefined,
      attempt: (_, begin) => {
        begin();
        throw new Error("tracing");
      },
    },
    "does not begin the attempt": { started: () => undefined, attempt: () => {} },
  };

  it.each(Object.entries(broken))("that %s changes nothing", async (_, tracing) => {
    const errors: string[] = [];
    const coordinator = createCoordinator({ orchestrator, tracing, onError: (error) => errors.push((error as Error).message) });
    expect(await coordinator.waitFor(await coordinator.start(3))).toBe(3);
    await expect(coordinator.waitFor(await coordinator.start(-1))).rejects.toThrow("below zero");
    expect(errors.every((message) => message === "tracing")).toBe(true);
    expect(coordinator.counts()).toMatchObject({ completed: 1, failed: 1 });
  });

  it("hears of an attempt that cannot begin, which fails as without it", async () => {
    let heard: unknown;
    const tracing: Tracing = {
      started: () => undefined,
      attempt: (_, begin) => {
        try {
          begin();
        } catch (error) {
          heard = error;
        }
      },
    };
    const cannot = (() => {
      throw new Error("no such part");
    }) as never as typeof orchestrator;
    const coordinator = createCoordinator({ orchestrator: cannot, tracing });
    await expect(coordinator.waitFor(await coordinator.start(1))).rejects.toThrow("no such part");
    expect((heard as Error).message).toBe("no such part");
  });

  it("has what a start gave at its attempt, also after a restart from a snapshot", async () => {
    const attempts: TracedAttempt[] = [];
    const tracing: Tracing = {
      started: ({ executionId, group }) => ({ traceparent: `${executionId} of ${group}` }),
      attempt: (attempt, begin) => {
        attempts.push(attempt);
        begin();
      },
    };
    const work = createManualOrchestrator<number, number>({ honoursCancel: true });
    const first = createCoordinator({ orchestrator: work.orchestrator, tracing });
    await first.start(1, { id: "one", group: "g" });
    const snapshot = JSON.parse(JSON.stringify(first.supervisor.getPersistedSnapshot())) as CoordinatorSnapshot;
    await first.close({ mode: "cancel" });
    const second = createCoordinator({ orchestrator, tracing, snapshot });
    await second.waitFor("one");
    const trace = { traceparent: "one of g" };
    expect(attempts.at(-1)).toMatchObject({ executionId: "one", group: "g", trace, queuedAt: expect.any(Number) });
    expect(attempts[0]).toMatchObject({ attempt: 1, trace });
  });

  it("that is none is refused by name", () => {
    expect(() => createCoordinator({ orchestrator, tracing: {} as Tracing })).toThrow(/^tracing: expected an object with started, attempt/);
  });
});
