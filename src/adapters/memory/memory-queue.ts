import { createSystemClock } from "../../core/system-clock.ts";
import { CoordinatorClosedError } from "../../model/errors.ts";
import { fromMessageText, toMessageText } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  ConsumeOptions,
  Delivery,
  ExecutionQueue,
  PutAsideMessage,
  QueueCapabilities,
  QueueConsumer,
  QueueMessage,
} from "../../ports/execution-queue.ts";

interface Letter {
  readonly raw: string;
  readonly message: QueueMessage | undefined;
  readonly name: string;
  readonly priority: number;
  readonly place: number;
  deliveries: number;
}

interface Consumer {
  readonly options: ConsumeOptions;
  readonly handle: (delivery: Delivery) => void;
  /** Ends a loan without settling it. */
  readonly loans: Set<() => void>;
  maxInFlight: number;
  open: boolean;
}

/** Messages that several memory queues of one process can share, as processes share a broker. */
export class MemoryQueueData {
  readonly waiting = new Map<string, Letter[]>();
  readonly aside = new Map<string, PutAsideMessage[]>();
  readonly consumers = new Set<Consumer>();
  #places = 0;
  #dispatching = false;

  nextPlace(): number {
    this.#places += 1;
    return this.#places;
  }

  put(letter: Letter): void {
    const letters = this.waiting.get(letter.name) ?? [];
    this.waiting.set(letter.name, letters);
    let index = letters.length;
    while (index > 0 && isBefore(letter, letters[index - 1] as Letter)) index -= 1;
    letters.splice(index, 0, letter);
    this.dispatch();
  }

  /** Hands out what can be handed out, in a microtask; consumers with equal room take turns. */
  dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    queueMicrotask(() => {
      this.#dispatching = false;
      for (let busy = true; busy; ) {
        busy = false;
        for (const consumer of [...this.consumers]) {
          if (!consumer.open || consumer.loans.size >= consumer.maxInFlight) continue;
          const letter = this.waiting.get(consumer.options.name)?.shift();
          if (letter === undefined) continue;
          busy = true;
          this.lend(letter, consumer);
        }
      }
    });
  }

  lend: (letter: Letter, consumer: Consumer) => void = () => {};
}

/** How a memory queue works. */
export interface MemoryQueueOptions {
  /** The system's. */
  clock?: Clock;
  /** Fresh and its own. */
  data?: MemoryQueueData;
}

/** What a memory queue can do. */
export const memoryQueueCapabilities: QueueCapabilities = {
  order: "fifo",
  visibilityTimeout: true,
  delay: true,
  priority: true,
  deliveryCount: true,
  listsPutAside: true,
  durable: false,
};

/** A queue in the memory of the process, with everything a broker could do. `publishRaw` lets tests post what no coordinator would. */
export function createMemoryQueue({
  clock = createSystemClock(),
  data = new MemoryQueueData(),
}: MemoryQueueOptions = {}): ExecutionQueue & {
  publishRaw(name: string, raw: string): void;
} {
  const own = new Set<Consumer>();
  let closed = false;
  const assertOpen = () => {
    if (closed) throw new CoordinatorClosedError("the memory queue is closed");
  };
  data.lend = (letter, consumer) => lend(data, clock, letter, consumer);
  const post = (name: string, raw: string, message: QueueMessage | undefined) => {
    const letter: Letter = { raw, message, name, priority: message?.priority ?? 0, place: data.nextPlace(), deliveries: 0 };
    const delayMs = message?.delayMs ?? 0;
    if (delayMs > 0) clock.setTimeout(() => data.put(letter), delayMs, true);
    else data.put(letter);
  };
  const closeConsumer = async (consumer: Consumer) => {
    consumer.open = false;
    own.delete(consumer);
  };
  return {
    capabilities: memoryQueueCapabilities,
    async publish(messages) {
      assertOpen();
      for (const message of messages) post(message.name, toMessageText(message), { ...message });
      return messages.map(() => ({ published: true }) as const);
    },
    publishRaw: (name, raw) => post(name, raw, fromMessageText(raw)),
    async consume(options, handle): Promise<QueueConsumer> {
      assertOpen();
      const consumer: Consumer = { options, handle, loans: new Set(), maxInFlight: options.maxInFlight, open: true };
      own.add(consumer);
      data.consumers.add(consumer);
      data.dispatch();
      return {
        setMaxInFlight: (maxInFlight) => {
          consumer.maxInFlight = maxInFlight;
          data.dispatch();
        },
        close: () => closeConsumer(consumer),
      };
    },
    async listPutAside({ name, limit = 1_000 }) {
      assertOpen();
      return (data.aside.get(name) ?? []).slice(0, limit);
    },
    async close() {
      closed = true;
      for (const consumer of own) {
        await closeConsumer(consumer);
        data.consumers.delete(consumer);
        for (const endLoan of [...consumer.loans]) endLoan();
      }
    },
  };
}

function lend(data: MemoryQueueData, clock: Clock, letter: Letter, consumer: Consumer): void {
  letter.deliveries += 1;
  let onLoan = true;
  const settle = (then: () => void): void => {
    if (!onLoan) return;
    onLoan = false;
    clock.clearTimeout(timer);
    consumer.loans.delete(comeBack);
    then();
    data.dispatch();
  };
  const comeBack = () => settle(() => data.put(letter));
  let timer = clock.setTimeout(comeBack, consumer.options.visibilityTimeoutMs, true);
  consumer.loans.add(comeBack);
  consumer.handle({
    message: letter.message,
    raw: letter.raw,
    deliveryCount: letter.deliveries,
    ack: async () => settle(() => {}),
    nack: async ({ delayMs = 0 } = {}) =>
      settle(() => {
        if (delayMs > 0) clock.setTimeout(() => data.put(letter), delayMs, true);
        else data.put(letter);
      }),
    extend: async (visibilityTimeoutMs) => {
      if (!onLoan) return false;
      clock.clearTimeout(timer);
      timer = clock.setTimeout(comeBack, visibilityTimeoutMs, true);
      return true;
    },
    putAside: async (reason) =>
      settle(() => {
        const aside = data.aside.get(letter.name) ?? [];
        aside.push({ raw: letter.raw, reason });
        data.aside.set(letter.name, aside);
      }),
  });
}

function isBefore(a: Letter, b: Letter): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.place < b.place);
}
