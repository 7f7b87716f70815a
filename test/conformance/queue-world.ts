import { UnknownWordError } from "./conformance-case.ts";
import { HarnessClock } from "./harness-clock.ts";
import { createMemoryQueue, type ExecutionQueue } from "./library.ts";
import type { Steps } from "./steps.ts";
import type { Words } from "./words.ts";

type Delivery = Parameters<Parameters<ExecutionQueue["consume"]>[1]>[0];

const name = "conformance";

/** One queue, asked for its messages one at a time. */
export class QueueWorld {
  readonly clock = new HarnessClock({ now: 0 });
  readonly queue: ExecutionQueue = createMemoryQueue({ clock: this.clock });
  readonly #leaseMs: number;
  readonly #taken = new Map<string, Delivery>();

  constructor(given: Words) {
    if (given.text("adapters") !== "all shipped") throw given.unknown("adapters");
    this.#leaseMs = given.number("leaseMs") ?? 30_000;
  }

  /** The text of the next message, which is then leased; null when there is none. */
  async dequeue(label: string): Promise<string | null> {
    let taken: Delivery | undefined;
    const consumer = await this.queue.consume({ name, visibilityTimeoutMs: this.#leaseMs, maxInFlight: 1 }, (delivery) => {
      taken = delivery;
    });
    await this.clock.settle();
    await consumer.close();
    if (taken === undefined) return null;
    this.#taken.set(label, taken);
    return taken.message?.executionId ?? taken.raw;
  }

  taken(label: string): Delivery {
    const delivery = this.#taken.get(label);
    if (delivery === undefined) throw new UnknownWordError(`a message ${label} that was never taken`);
    return delivery;
  }

  async end(): Promise<void> {
    await this.queue.close();
  }
}

/** What cases can do with a queue of its own. */
export const queueSteps: Steps<QueueWorld> = {
  async enqueue(step, world) {
    const bodies = step.texts("bodies") ?? [step.text("body") ?? ""];
    await world.queue.publish(bodies.map((executionId) => ({ name, executionId })));
  },

  dequeue: (step, world) => world.dequeue(step.text("as") ?? ""),

  ack: (step, world) => world.taken(step.text("of") ?? "").ack(),

  release: (step, world) => world.taken(step.text("of") ?? "").nack(),

  async extend(step, world) {
    return world.taken(step.text("of") ?? "").extend(step.number("ms") ?? 0);
  },

  async deadLetter(step, world) {
    await world.taken(step.text("of") ?? "").putAside(step.text("reason") ?? "");
  },

  async deadLetters(_step, world) {
    const aside = await world.queue.listPutAside({ name });
    return aside.map(({ raw }) => (JSON.parse(raw) as { executionId: string }).executionId);
  },

  settle: (_step, world) => world.clock.settle(),

  advance: (step, world) => world.clock.advance(step.number("ms") ?? 0),
};
