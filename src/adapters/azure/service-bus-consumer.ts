import type { Clock } from "../../ports/clock.ts";
import type { ConsumeOptions, Delivery, QueueConsumer } from "../../ports/execution-queue.ts";
import { inTime } from "./in-time.ts";
import {
  isNoSession,
  receiverSettings,
  type ServiceBusClientLike,
  type ServiceBusMessageReceiverLike,
  type ServiceBusReceivedMessageLike,
  type ServiceBusSessionReceiverLike,
} from "./service-bus-client.ts";
import { ServiceBusLoan } from "./service-bus-loan.ts";

/** How long a look for one message takes. What it asked for cannot be taken back, only waited for. */
const lookMs = 250;
/** The SDK waits so long for more after it has one: once there is a message, the rest of what is there is asked for. */
const restMs = 5;
/** How long an empty session is kept. */
const sessionLookMs = 20;
const mostAtOnce = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 5_000;

export interface ServiceBusConsumerOptions {
  readonly clock: Clock;
  readonly queueName: string;
  readonly operationTimeoutMs: number;
  readonly consume: ConsumeOptions;
  /** The client of the day. */
  open(): Promise<ServiceBusClientLike>;
  /** It does not answer. */
  hung(client: ServiceBusClientLike): void;
  handle(delivery: Delivery): void;
  sendAgain(message: ServiceBusReceivedMessageLike, delayMs: number): Promise<void>;
  onError(error: unknown): void;
  /** It has ended, and so have its loans. */
  ended(consumer: ServiceBusConsumer): void;
}

/** Keeps as many messages on loan as it may, one by one or in sessions, over losses of the connection. */
export class ServiceBusConsumer implements QueueConsumer {
  readonly #options: ServiceBusConsumerOptions;
  readonly #loans = new Set<ServiceBusLoan>();
  readonly #closing = new AbortController();
  #maxInFlight: number;
  /** All that were opened: a closed one cannot settle. */
  readonly #receivers = new Set<ServiceBusMessageReceiverLike>();
  #receiver: ServiceBusMessageReceiverLike | undefined;
  #sessions = 0;
  #failures = 0;
  #wake: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  #ending: Promise<void> = Promise.resolve();

  constructor(options: ServiceBusConsumerOptions) {
    this.#options = options;
    this.#maxInFlight = options.consume.maxInFlight;
  }

  start(sessions: boolean): void {
    this.#running = this.#repeat(sessions ? () => this.#acceptSession() : () => this.#receive());
    // Of a session that comes too late nothing is handed out.
    this.#ending = sessions ? Promise.resolve() : this.#running;
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#ending;
    this.#endWhenSettled();
  }

  /** Gives back what is on loan, too. */
  async end(): Promise<void> {
    const closed = this.close();
    await Promise.allSettled([...this.#loans].map((loan) => loan.nack()));
    await closed;
    await this.#running;
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #repeat(look: () => Promise<void>): Promise<void> {
    while (!this.#isClosing) {
      try {
        await look();
        this.#failures = 0;
      } catch (error) {
        if (this.#isClosing) return;
        this.#options.onError(error);
        this.#failures += 1;
        await this.#backOff(Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(10, this.#failures - 1)));
      }
    }
  }

  /** Until there may be room again. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #backOff(ms: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const goOn = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener("abort", goOn);
        resolve();
      };
      const timer = clock.setTimeout(goOn, ms, true);
      signal.addEventListener("abort", goOn);
    });
  }

  /** Waits for one message, then takes what else is there. */
  async #receive(): Promise<void> {
    const { open, queueName, consume } = this.#options;
    const room = () => this.#maxInFlight - this.#loans.size;
    if (room() <= 0) return this.#pause();
    const client = await open();
    const receiver = this.#receiver ?? client.createReceiver(queueName, receiverSettings);
    this.#receiver = receiver;
    this.#receivers.add(receiver);
    let wanted = 1;
    for (let waitMs = lookMs; wanted > 0 && !this.#isClosing; waitMs = restMs) {
      const messages = await this.#take(client, receiver, wanted, waitMs);
      for (const message of messages) {
        const isWanted = room() > 0 && !this.#isClosing;
        const renew = () => receiver.renewMessageLock(message);
        const loan = this.#lend(receiver, message, message.lockedUntilUtc, consume.visibilityTimeoutMs, renew);
        // It was asked for before there was no room for it any more.
        if (isWanted) this.#options.handle(loan);
        else await loan.nack();
      }
      wanted = messages.length < wanted ? 0 : Math.min(room(), mostAtOnce);
    }
  }

  async #take(
    client: ServiceBusClientLike,
    receiver: ServiceBusMessageReceiverLike,
    count: number,
    waitMs: number,
  ): Promise<ServiceBusReceivedMessageLike[]> {
    const { clock, operationTimeoutMs, hung } = this.#options;
    try {
      const taken = receiver.receiveMessages(count, { maxWaitTimeInMs: waitMs });
      return await inTime(clock, "Service Bus, receive", taken, waitMs + operationTimeoutMs, () => hung(client));
    } catch (error) {
      // If it opened its link again, the SDK would settle over that one what came over the lost one, and never get an answer.
      this.#receiver = undefined;
      if (this.#loans.size === 0) this.#closeReceivers();
      throw error;
    }
  }

  async #acceptSession(): Promise<void> {
    const { open, queueName } = this.#options;
    if (this.#sessions >= this.#maxInFlight) return this.#pause();
    this.#sessions += 1;
    const left = () => {
      this.#sessions -= 1;
      this.#wake();
    };
    try {
      const session = await (await open()).acceptNextSession(queueName, receiverSettings);
      void this.#workOff(session).then(left);
    } catch (error) {
      left();
      if (!isNoSession(error)) throw error;
    }
  }

  /** One message of a session at a time, until it has no more. */
  async #workOff(session: ServiceBusSessionReceiverLike): Promise<void> {
    try {
      for (let lost = false; !lost && !this.#isClosing && this.#sessions <= this.#maxInFlight; ) {
        const [message] = await session.receiveMessages(1, { maxWaitTimeInMs: sessionLookMs });
        if (message === undefined) break;
        const renew = () => session.renewSessionLock();
        const loan = this.#lend(session, message, session.sessionLockedUntilUtc, this.#options.consume.visibilityTimeoutMs, renew);
        if (this.#isClosing) await loan.nack();
        else this.#options.handle(loan);
        lost = await loan.over;
      }
    } catch (error) {
      if (!this.#isClosing) this.#options.onError(error);
    }
    await session.close().catch(() => {});
  }

  #lend(
    receiver: ServiceBusMessageReceiverLike | ServiceBusSessionReceiverLike,
    received: ServiceBusReceivedMessageLike,
    lockedUntil: Date | undefined,
    visibilityTimeoutMs: number,
    renew: () => Promise<Date>,
  ): ServiceBusLoan {
    const { clock, operationTimeoutMs, sendAgain } = this.#options;
    const ended = () => {
      this.#loans.delete(loan);
      this.#wake();
      this.#endWhenSettled();
    };
    const loan = new ServiceBusLoan({
      ...{ clock, receiver, received, lockedUntil, visibilityTimeoutMs, operationTimeoutMs, renew, ended },
      sendAgain: (delayMs) => sendAgain(received, delayMs),
    });
    this.#loans.add(loan);
    loan.begin();
    return loan;
  }

  #endWhenSettled(): void {
    if (!this.#isClosing || this.#loans.size > 0) return;
    this.#closeReceivers();
    this.#options.ended(this);
  }

  #closeReceivers(): void {
    for (const receiver of this.#receivers) void receiver.close().catch(() => {});
    this.#receivers.clear();
  }
}
