import { createMemoryQueue, MemoryQueueData } from "../../adapters/memory/memory-queue.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type {
  ConsumeOptions,
  Delivery,
  ExecutionQueue,
  PublishReport,
  QueueCapabilities,
  QueueConsumer,
  QueueMessage,
} from "../../ports/execution-queue.ts";
import type { ClaimReport } from "../../ports/store-claim.ts";
import type { Course } from "./course.ts";
import { ratesOf, type Weather } from "./simulated-faults.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { type StoreCall, simulatedName } from "./simulated-store.ts";

/** What a queue needs to know of its run. */
export interface SimulatedQueueOptions {
  readonly course: Course;
  readonly weather: Weather;
  /** How long a message may be on its way when nobody waits for it any more. */
  readonly longestMs: number;
}

/** No loan ends by itself. */
const forEverMs = 1_000_000_000;

/**
 * The one broker of a run, and the ways to it: messages are late, lost, come twice and overtake each other, and calls fail, before they are
 * done or after. It checks that nobody acknowledges a message without having asked the store what it is about.
 */
export class SimulatedQueue {
  readonly #options: SimulatedQueueOptions;
  readonly #data = new MemoryQueueData();
  readonly #broker: ReturnType<typeof createMemoryQueue>;
  readonly #capabilities: QueueCapabilities;
  /** What the store has told processes about an id, and when: in the order of deliveries and answers. */
  readonly #told = new WeakMap<SimulatedProcess, Map<string, { readonly order: number; readonly isKnown: boolean }>>();
  #order = 0;
  #unreadable = 0;
  #brokenUntil = Number.NEGATIVE_INFINITY;

  constructor(options: SimulatedQueueOptions) {
    const { dice, clock } = options.course;
    this.#options = options;
    this.#broker = createMemoryQueue({ clock, data: this.#data });
    const [visibilityTimeout, delay, priority] = [dice.chance(0.6), dice.chance(0.5), dice.chance(0.6)] as const;
    this.#capabilities = { ...this.#broker.capabilities, order: "loose", visibilityTimeout, delay, priority };
  }

  get description(): string {
    const { visibilityTimeout, delay, priority } = this.#capabilities;
    return JSON.stringify({ visibilityTimeout, delay, priority });
  }

  /** Nothing gets through for so long. */
  breakFor(ms: number): void {
    const { course } = this.#options;
    course.note("queue", () => `cannot be reached for ${ms} ms`);
    this.#brokenUntil = Math.max(this.#brokenUntil, course.elapsedMs + ms);
  }

  /** Somebody posts what no coordinator would: what cannot be read, or an id that nobody has started yet, or ever. */
  postNoise(executionId: string | undefined): void {
    this.#options.course.note("queue", () => `somebody posts ${executionId ?? "what cannot be read"}`);
    if (executionId !== undefined) void this.#broker.publish([{ name: simulatedName, executionId }]);
    else {
      this.#unreadable += 1;
      this.#broker.publishRaw(simulatedName, "no message");
    }
  }

  /** The queue, as the process sees it. */
  connect(process: SimulatedProcess): ExecutionQueue {
    const { course, longestMs } = this.#options;
    // Its own connection: what it has on loan goes back when the broker finds it gone.
    const inner = createMemoryQueue({ clock: course.clock, data: this.#data });
    process.whenDead(() => course.after(course.calm ? 0 : course.dice.int(0, longestMs), () => void inner.close()));
    return {
      capabilities: this.#capabilities,
      publish: (messages) => this.#call(process, "publish", () => this.#publish(messages)),
      consume: (options, handle) => this.#consume(process, inner, options, handle),
      listPutAside: (options) => inner.listPutAside(options),
      close: async () => {},
    };
  }

  /** The store has answered. */
  answered(process: SimulatedProcess, { method, parameters }: StoreCall, answer: unknown): void {
    const tell = (id: string, isKnown: boolean) => this.#toldTo(process).set(id, { order: ++this.#order, isKnown });
    if (method === "claim") {
      const { executions, refused } = answer as ClaimReport;
      for (const { id } of executions) tell(id, true);
      for (const { id, reason } of refused) tell(id, reason !== "unknown");
    } else if (method === "get") {
      for (const [index, id] of (parameters[1] as readonly string[]).entries())
        tell(id, (answer as readonly unknown[])[index] !== undefined);
    }
  }

  /** Everything is closed: nothing is on loan, and what cannot be read is put aside. */
  checkQuiet(): void {
    const { course } = this.#options;
    const onLoan = [...this.#data.consumers].reduce((sum, { loans }) => sum + loans.size, 0);
    if (onLoan > 0) course.fail(`${onLoan} messages are on loan to who is closed`);
    const waiting = (this.#data.waiting.get(simulatedName) ?? []).filter(({ message }) => message === undefined).length;
    const aside = (this.#data.aside.get(simulatedName) ?? []).filter(({ reason }) => reason === "it cannot be read").length;
    if (aside < this.#unreadable)
      course.fail(`${aside} messages that cannot be read were put aside of ${this.#unreadable}, ${waiting} wait`);
  }

  async #publish(messages: readonly QueueMessage[]): Promise<readonly PublishReport[]> {
    const { course, weather, longestMs } = this.#options;
    const { dice } = course;
    return messages.map(({ delayMs, priority, ...message }) => {
      const { delay: keepsDelay, priority: keepsPriority } = this.#capabilities;
      const kept = {
        ...message,
        ...(keepsDelay && delayMs !== undefined && { delayMs }),
        ...(keepsPriority && priority !== undefined && { priority }),
      };
      const put = () => void this.#broker.publish([kept]);
      const isLost = !course.calm && dice.chance(weather.lostNotice);
      course.note("queue", () => `takes ${JSON.stringify(kept)}${isLost ? " badly" : ""}`, [message.executionId]);
      const copies = isLost ? dice.pick([0, 0, 1, 2]) : !course.calm && dice.chance(weather.duplicate) ? 1 : 0;
      if (!isLost) put();
      for (let copy = 0; copy < copies; copy++) course.after(dice.int(0, longestMs), put);
      return isLost && dice.chance(0.5) ? { published: false, reason: "unavailable" } : { published: true };
    });
  }

  async #consume(
    process: SimulatedProcess,
    inner: ExecutionQueue,
    options: ConsumeOptions,
    handle: (delivery: Delivery) => void,
  ): Promise<QueueConsumer> {
    const visibilityTimeoutMs = this.#capabilities.visibilityTimeout ? options.visibilityTimeoutMs : forEverMs;
    const consumer = await this.#call(process, "consume", () =>
      inner.consume({ ...options, visibilityTimeoutMs }, (delivery) => this.#deliver(process, handle, delivery)),
    );
    return {
      setMaxInFlight: (maxInFlight) => process.leave(() => consumer.setMaxInFlight(maxInFlight)),
      close: () => this.#call(process, "close", () => consumer.close()),
    };
  }

  #deliver(process: SimulatedProcess, handle: (delivery: Delivery) => void, delivery: Delivery): void {
    const { course, weather } = this.#options;
    const id = delivery.message?.executionId;
    let arrived = 0;
    const settle = (run: () => Promise<void>) => this.#call(process, "ack", run, () => this.#comeBack(delivery));
    const lent: Delivery = {
      message: delivery.message,
      raw: delivery.raw,
      deliveryCount: delivery.deliveryCount,
      ack: () => {
        if (!process.isDead && id !== undefined) this.#checkAsked(process, id, arrived);
        return settle(() => delivery.ack());
      },
      nack: ({ delayMs = 0 } = {}) => settle(() => delivery.nack({ delayMs: this.#capabilities.delay ? delayMs : 0 })),
      extend: (visibilityTimeoutMs) => this.#call(process, "ack", () => delivery.extend(visibilityTimeoutMs)),
      putAside: (reason) => settle(() => delivery.putAside(reason)),
    };
    course.after(course.calm ? 0 : course.dice.int(0, weather.latencyMs), () =>
      process.reach(() => {
        course.note(process.name, () => `gets a message about ${id ?? "nothing"}`, id === undefined ? [] : [id]);
        arrived = ++this.#order;
        handle(lent);
      }),
    );
  }

  /** Where loans do not end by themselves, one whose end the broker has not heard of ends with its connection. */
  #comeBack(delivery: Delivery): void {
    const { course, longestMs } = this.#options;
    if (!this.#capabilities.visibilityTimeout) course.after(course.dice.int(1, longestMs), () => void delivery.nack());
  }

  #checkAsked(process: SimulatedProcess, id: string, arrived: number): void {
    const told = this.#toldTo(process).get(id);
    const what = `${process.name} acknowledges a message about it`;
    if (told === undefined || told.order < arrived) this.#options.course.fail(`${what} without having asked the store`, id);
    else if (!told.isKnown) this.#options.course.fail(`${what} while the store does not know it`, id);
  }

  #toldTo(process: SimulatedProcess): Map<string, { readonly order: number; readonly isKnown: boolean }> {
    const told = this.#told.get(process) ?? new Map();
    this.#told.set(process, told);
    return told;
  }

  /** `undone`: the broker may not have done it. */
  #call<Answer>(
    process: SimulatedProcess,
    method: "publish" | "consume" | "ack" | "close",
    run: () => Promise<Answer>,
    undone: () => void = () => {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => process.leave(() => this.#transmit(process, method, { run, undone, resolve, reject })));
  }

  #transmit<Answer>(
    process: SimulatedProcess,
    method: "publish" | "consume" | "ack" | "close",
    {
      run,
      undone,
      resolve,
      reject,
    }: { run(): Promise<Answer>; undone(): void; resolve(answer: Answer): void; reject(error: unknown): void },
  ): void {
    const { course, weather, longestMs } = this.#options;
    const { dice } = course;
    const pass = (ms: number, told: () => void) => course.after(ms, () => process.reach(told));
    if (course.calm) {
      run().then((answer) => process.reach(() => resolve(answer)), reject);
      return;
    }
    const rates = ratesOf(weather, method);
    const [thereMs, backMs] = [dice.int(0, weather.latencyMs), dice.int(0, weather.latencyMs)] as const;
    const fail = (what: string) => {
      course.note(process.name, () => `${method} ${what}`);
      return () => reject(new StoreUnavailableError(`simulated: the queue's ${method} ${what}`));
    };
    // A consumer that nobody knows of would be a fault of the adapter.
    const isSubscription = method === "consume";
    if (course.elapsedMs < this.#brokenUntil || dice.chance(rates.failBefore) || (isSubscription && dice.chance(rates.failAfter))) {
      undone();
      pass(thereMs + backMs, fail("fails before it is done"));
      return;
    }
    if (!isSubscription && dice.chance(rates.noAnswer)) {
      course.note(process.name, () => `${method} is not answered`);
      undone();
      if (dice.chance(0.7)) course.after(dice.int(1, longestMs), () => void run().catch(() => {}));
      return;
    }
    const isLost = !isSubscription && dice.chance(rates.failAfter);
    course.after(thereMs, () => {
      run().then((answer) => pass(backMs, isLost ? fail("was done, but its answer is lost") : () => resolve(answer)), reject);
    });
  }
}
