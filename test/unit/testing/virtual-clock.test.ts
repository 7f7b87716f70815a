import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createActor, setup } from "xstate";
import { InvalidOptionsError } from "../../../src/model/errors.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

describe("time", () => {
  it("stands still until it is moved, and begins where it is told", async () => {
    expect(new VirtualClock().now()).toBe(0);
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    await clock.settle();
    expect(clock.now()).toBe(1_700_000_000_000);
    expect(clock.monotonicNow()).toBe(0);
    await clock.advance(250);
    expect(clock.now()).toBe(1_700_000_000_250);
    expect(clock.monotonicNow()).toBe(250);
  });

  it("advanceTo goes to an instant, and refuses one that is past", async () => {
    const clock = new VirtualClock({ now: 1_000 });
    const rung: number[] = [];
    clock.setTimeout(() => rung.push(clock.now()), 500);
    await clock.advanceTo(1_499);
    expect(rung).toEqual([]);
    await clock.advanceTo(1_500);
    expect(rung).toEqual([1_500]);
    await expect(clock.advanceTo(1_499)).rejects.toThrow("at: expected an instant from 1500 on, got 1499");
    expect(clock.now()).toBe(1_500);
  });

  it("a jump of the wall clock moves neither monotonic time nor timers", async () => {
    const clock = new VirtualClock({ now: 10_000 });
    let rungAt: number | undefined;
    clock.setTimeout(() => {
      rungAt = clock.now();
    }, 100);
    clock.jump(-5_000);
    expect([clock.now(), clock.monotonicNow(), clock.nextAt]).toEqual([5_000, 0, 5_100]);
    await clock.advance(99);
    expect(rungAt).toBeUndefined();
    clock.jump(1_000_000);
    expect(rungAt).toBeUndefined();
    await clock.advance(1);
    expect(rungAt).toBe(1_005_100);
    expect(clock.monotonicNow()).toBe(100);
  });

  it.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY]])("advancing by %s is refused and changes nothing", async (ms) => {
    const clock = new VirtualClock();
    await expect(clock.advance(ms)).rejects.toBeInstanceOf(InvalidOptionsError);
    expect(clock.now()).toBe(0);
  });

  it("a beginning, a jump or an instant that is no finite number is refused", async () => {
    expect(() => new VirtualClock({ now: Number.NaN })).toThrow(InvalidOptionsError);
    expect(() => new VirtualClock().jump(Number.NaN)).toThrow(InvalidOptionsError);
    await expect(new VirtualClock().advanceTo(Number.NaN)).rejects.toBeInstanceOf(InvalidOptionsError);
  });
});

describe("timers", () => {
  it("each runs at exactly its own due time, in order of due time, first set first run among equals", async () => {
    const clock = new VirtualClock({ now: 100 });
    const rung: [string, number, number][] = [];
    const ring = (name: string) => () => rung.push([name, clock.now(), clock.monotonicNow()]);
    clock.setTimeout(ring("late"), 30);
    clock.setTimeout(ring("first of two"), 20);
    clock.setTimeout(ring("second of two"), 20);
    clock.setTimeout(ring("early"), 10.5);
    clock.setTimeout(ring("too late"), 31);
    await clock.advance(30);
    expect(rung).toEqual([
      ["early", 110.5, 10.5],
      ["first of two", 120, 20],
      ["second of two", 120, 20],
      ["late", 130, 30],
    ]);
    expect([clock.now(), clock.pending, clock.nextAt]).toEqual([130, 1, 131]);
  });

  it("one that is set while time passes runs in the same advance when it is due in it", async () => {
    const clock = new VirtualClock();
    const rung: number[] = [];
    const again = () => {
      rung.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    await clock.advance(35);
    expect(rung).toEqual([10, 20, 30]);
    expect(clock.nextAt).toBe(40);
  });

  it("one that is cleared never runs, not even when an equal one clears it in the same instant", async () => {
    const clock = new VirtualClock();
    let rung = 0;
    const cleared = clock.setTimeout(() => rung++, 5);
    let victim: unknown;
    clock.setTimeout(() => clock.clearTimeout(victim), 10);
    victim = clock.setTimeout(() => rung++, 10);
    clock.clearTimeout(cleared);
    await clock.advance(100);
    expect(rung).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("clearing twice, clearing a past one, a stranger's one or nonsense does nothing", async () => {
    const clock = new VirtualClock();
    const stranger = new VirtualClock();
    let rung = 0;
    const past = clock.setTimeout(() => rung++, 1);
    await clock.advance(1);
    clock.setTimeout(() => rung++, 1);
    for (const timer of [past, past, stranger.setTimeout(() => {}, 1), undefined, null, 7, {}]) clock.clearTimeout(timer);
    expect([clock.pending, stranger.pending]).toEqual([1, 1]);
    await clock.advance(1);
    expect(rung).toBe(2);
  });

  it("a delay that is negative or no number counts as 0, one beyond 2^31 ms is kept to the millisecond, an infinite one never ends", async () => {
    const clock = new VirtualClock();
    const rung: [string, number][] = [];
    const ring = (name: string) => () => rung.push([name, clock.now()]);
    clock.setTimeout(ring("negative"), -5);
    clock.setTimeout(ring("not a number"), Number.NaN);
    clock.setTimeout(ring("long"), 2 ** 31 + 1);
    clock.setTimeout(ring("never"), Number.POSITIVE_INFINITY);
    await clock.settle();
    await clock.advance(2 ** 31);
    expect(rung.map(([name]) => name)).toEqual(["negative", "not a number"]);
    await clock.advance(2 ** 40);
    expect(rung.at(-1)).toEqual(["long", 2 ** 31 + 1]);
    expect(await clock.runNext()).toBe(false);
    expect(clock.pending).toBe(1);
  });

  it("runNext passes just as much time as the next one needs, and says whether there was one", async () => {
    const clock = new VirtualClock();
    const rung: number[] = [];
    for (const delay of [7, 3]) clock.setTimeout(() => rung.push(clock.now()), delay);
    expect(clock.nextAt).toBe(3);
    expect(await clock.runNext()).toBe(true);
    expect([clock.now(), rung]).toEqual([3, [3]]);
    expect(await clock.runNext()).toBe(true);
    expect(await clock.runNext()).toBe(false);
    expect([clock.now(), clock.nextAt]).toEqual([7, undefined]);
  });

  it("one that throws rejects the advance, at its instant, and the others stay for the next call", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.setTimeout(() => {
      void Promise.resolve().then(() => seen.push("its promise work"));
      throw new Error("broken timer");
    }, 10);
    clock.setTimeout(() => seen.push("an equal one"), 10);
    clock.setTimeout(() => seen.push("a later one"), 20);
    await expect(clock.advance(100)).rejects.toThrow("broken timer");
    expect([clock.now(), clock.pending, seen]).toEqual([10, 2, ["its promise work"]]);
    await clock.advance(10);
    expect(seen).toEqual(["its promise work", "an equal one", "a later one"]);
  });

  it("a million of them, half cleared, run in order and each at its own time", { timeout: 60_000 }, async () => {
    const clock = new VirtualClock();
    const random = seededRandom(1);
    const count = 1_000_000;
    const timers: unknown[] = [];
    let run = 0;
    let misplaced = 0;
    let last = 0;
    for (let index = 0; index < count; index++) {
      const delay = Math.floor(random() * 10_000_000);
      const check = () => {
        run += 1;
        if (clock.now() !== delay || delay < last) misplaced += 1;
        last = delay;
      };
      timers.push(clock.setTimeout(check, delay));
    }
    for (let index = 0; index < count; index += 2) clock.clearTimeout(timers[index]);
    expect(clock.pending).toBe(count / 2);
    await clock.advance(10_000_000);
    expect([run, misplaced, clock.pending]).toEqual([count / 2, 0, 0]);
  });

  it("whatever is set, cleared and passed, they run as a sorted list would", async () => {
    const command = fc.oneof(
      fc.record({ type: fc.constant("set" as const), delay: fc.integer({ min: -2, max: 20 }) }),
      fc.record({ type: fc.constant("clear" as const), index: fc.nat(30) }),
      fc.record({ type: fc.constant("advance" as const), ms: fc.nat(15) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const clock = new VirtualClock();
        const rung: [number, number][] = [];
        const expected: [number, number][] = [];
        const timers: unknown[] = [];
        let waiting: { name: number; dueAt: number }[] = [];
        let now = 0;
        for (const step of commands) {
          if (step.type === "set") {
            const name = timers.length;
            timers.push(clock.setTimeout(() => rung.push([name, clock.now()]), step.delay));
            waiting.push({ name, dueAt: now + Math.max(0, step.delay) });
          } else if (step.type === "clear") {
            clock.clearTimeout(timers[step.index]);
            waiting = waiting.filter(({ name }) => name !== step.index);
          } else {
            now += step.ms;
            await clock.advance(step.ms);
            const due = waiting.filter(({ dueAt }) => dueAt <= now).sort((a, b) => a.dueAt - b.dueAt || a.name - b.name);
            expected.push(...due.map(({ name, dueAt }): [number, number] => [name, dueAt]));
            waiting = waiting.filter(({ dueAt }) => dueAt > now);
          }
          expect(rung).toEqual(expected);
          expect(clock.pending).toBe(waiting.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("promise work", () => {
  /** A chain of `length` promises, each waiting for the one before. */
  async function chain(length: number): Promise<void> {
    for (let link = 0; link < length; link++) await undefined;
  }

  it("settles between two timers, also between equal ones, however long the chain", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const ring = (name: string) => async () => {
      seen.push(name);
      await chain(10_000);
      seen.push(`${name} settled at ${clock.now()}`);
    };
    clock.setTimeout(ring("a"), 10);
    clock.setTimeout(ring("b"), 10);
    clock.setTimeout(ring("c"), 20);
    await clock.advance(1_000);
    expect(seen).toEqual(["a", "a settled at 10", "b", "b settled at 10", "c", "c settled at 20"]);
  });

  it("that is pending before an advance sets its timers before time passes", async () => {
    const clock = new VirtualClock();
    const rung: number[] = [];
    void chain(100).then(() => clock.setTimeout(() => rung.push(clock.now()), 10));
    await clock.advance(10);
    expect(rung).toEqual([10]);
  });

  it("of loops over virtual time runs through in one advance", async () => {
    const clock = new VirtualClock();
    const rounds: number[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
    const loop = async () => {
      for (let round = 0; round < 5; round++) {
        await sleep(100);
        await chain(50);
        rounds.push(clock.now());
      }
    };
    const done = loop();
    await clock.advance(500);
    await done;
    expect(rounds).toEqual([100, 200, 300, 400, 500]);
  });

  it("and timers due now are what settle runs", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    void chain(1_000).then(() => {
      seen.push("promise");
      clock.setTimeout(() => seen.push("timer due now"), 0);
    });
    clock.setTimeout(() => seen.push("a moment later"), 1);
    await clock.settle();
    expect(seen).toEqual(["promise", "timer due now"]);
    expect(clock.now()).toBe(0);
  });

  it("may move the clock itself: calls made at the same time take turns", async () => {
    const clock = new VirtualClock();
    const rung: number[] = [];
    for (const delay of [10, 20, 30]) clock.setTimeout(() => rung.push(clock.now()), delay);
    let inner: Promise<void> | undefined;
    clock.setTimeout(() => {
      inner = clock.advance(15);
    }, 10);
    await Promise.all([clock.advance(10), clock.advance(5)]);
    await inner;
    expect(rung).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(30);
  });
});

it("is a clock for XState: delayed transitions happen when the test says so", async () => {
  const clock = new VirtualClock();
  const machine = setup({}).createMachine({
    initial: "red",
    states: { red: { after: { 100: "green" } }, green: { after: { 50: "amber" } }, amber: { type: "final" } },
  });
  const actor = createActor(machine, { clock }).start();
  await clock.advance(99);
  expect(actor.getSnapshot().value).toBe("red");
  await clock.advance(1);
  expect(actor.getSnapshot().value).toBe("green");
  await clock.advance(50);
  expect(actor.getSnapshot().status).toBe("done");
  expect(clock.pending).toBe(0);
});
