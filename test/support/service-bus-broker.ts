import { randomUUID } from "node:crypto";
import type { Server } from "node:net";
import rhea, { type Connection, type Delivery, type EventContext, type Sender } from "rhea";

/** A message of AMQP as rhea has it. */
type AmqpMessage = Record<string, unknown> & {
  group_id?: string;
  message_id?: string;
  body?: unknown;
  application_properties?: Record<string, unknown>;
  message_annotations?: Record<string, unknown>;
};

interface Letter {
  readonly sequence: number;
  readonly enqueuedAt: number;
  message: AmqpMessage;
  /** How often it was handed out and came back. */
  returns: number;
  isDue: boolean;
  lock: Lock | undefined;
}

interface Lock {
  readonly token: string;
  readonly letter: Letter;
  readonly queue: BrokerQueue;
  readonly session: SessionLock | undefined;
  timer: NodeJS.Timeout | undefined;
}

interface SessionLock {
  readonly id: string;
  readonly link: Sender;
  until: number;
  timer: NodeJS.Timeout | undefined;
}

interface BrokerQueue {
  readonly name: string;
  readonly letters: Letter[];
  readonly links: Set<Sender>;
  readonly sessions: Map<string, SessionLock>;
  /** Links that wait for a session. */
  readonly waiting: Set<Sender>;
}

export interface ServiceBusBrokerOptions {
  /** How long a lock lasts; 1 000. */
  readonly lockMs?: number;
  /** How often a message may come back before it is in the dead-letter queue; 10. */
  readonly maxDeliveryCount?: number;
  /** Queues that are not there. */
  readonly missing?: (queue: string) => boolean;
}

const { types, message: amqp } = rhea;
const sessionFilter = "com.microsoft:session-filter";
const deadLetters = "/$deadletterqueue";
const lockLost = { condition: "com.microsoft:message-lock-lost", description: "The lock supplied is invalid." };
const mostBytes = 262_144;
/** A message that consists of encoded messages. */
const batchFormat = 0x80013700;

/**
 * As much of Azure Service Bus as `@azure/service-bus` needs of it for queues: sends, batches, schedules, locks that end, renewals, sessions,
 * dead-letter queues. It lives in this process and remembers nothing but in memory; a stop keeps what it remembers.
 */
export class ServiceBusBroker {
  readonly #options: Required<ServiceBusBrokerOptions>;
  readonly #queues = new Map<string, BrokerQueue>();
  readonly #locks = new Map<string, Lock>();
  readonly #connections = new Set<Connection>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  #sequence = 0;
  port = 0;

  constructor({ lockMs = 1_000, maxDeliveryCount = 10, missing = () => false }: ServiceBusBrokerOptions = {}) {
    this.#options = { lockMs, maxDeliveryCount, missing };
  }

  connectionString(port = this.port): string {
    return `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=any;SharedAccessKey=any;UseDevelopmentEmulator=true`;
  }

  /** How many messages a queue has, on loan or not. */
  count(queue: string): number {
    return this.#queue(queue).letters.length;
  }

  /** Takes connections, on the port that it had before. */
  async start(): Promise<this> {
    const container = rhea.create_container({
      id: "service-bus",
      receiver_options: { autoaccept: false, max_message_size: mostBytes },
      sender_options: { autosettle: false, treat_modified_as_released: false },
    });
    const on = (events: string, run: (context: EventContext) => void) => {
      for (const event of events.split(" ")) container.on(event, run);
    };
    on("connection_open", ({ connection }) => void this.#connections.add(connection));
    on("disconnected", ({ connection }) => this.#leave(connection));
    on("connection_error session_error sender_error receiver_error protocol_error error", () => {});
    on("receiver_open", ({ receiver }) => {
      if (receiver === undefined) return;
      receiver.set_target({ address: receiver.target.address });
      receiver.set_source(receiver.source ?? {});
      if (this.#isMissing(receiver.target.address)) receiver.close(notFound(receiver.target.address));
      else receiver.add_credit(1_000);
    });
    on("sender_open", ({ sender }) => sender && this.#attach(sender));
    on("sender_close", ({ sender }) => sender && this.#detach(sender));
    on("sendable", ({ sender }) => sender && this.#pump(this.#queue(addressOf(sender))));
    on("sender_draining", ({ sender }) => {
      if (sender === undefined) return;
      this.#pump(this.#queue(addressOf(sender)));
      sender.set_drained(true);
    });
    on("message", (context) => this.#receive(context));
    on("accepted", ({ delivery }) => delivery && this.#settle(delivery, (lock) => this.#remove(lock)));
    on("modified released", ({ delivery }) => delivery && this.#settle(delivery, (lock) => this.#comeBack(lock)));
    on("rejected", ({ delivery }) => {
      const { DeadLetterReason, DeadLetterErrorDescription } = (delivery?.remote_state as RejectedState)?.error?.info ?? {};
      if (delivery !== undefined) this.#settle(delivery, (lock) => this.#bury(lock, DeadLetterReason, DeadLetterErrorDescription));
    });
    const server = container.listen({ port: this.port, host: "127.0.0.1" }) as Server;
    await new Promise<void>((resolve) => server.on("listening", resolve));
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    return this;
  }

  /** All that is on loan comes back, though those who have it do not know. */
  loseLocks(): void {
    for (const lock of [...this.#locks.values()]) this.#comeBack(lock);
  }

  /** Every connection is lost; clients may come again. */
  dropConnections(): void {
    for (const connection of this.#connections) (connection as unknown as { socket: { destroy(): void } }).socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => (this.#server === undefined ? resolve(undefined) : this.#server.close(resolve)));
    this.dropConnections();
    await closed;
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #queue(name: string): BrokerQueue {
    const key = name.toLowerCase();
    const queue = this.#queues.get(key) ?? { name: key, letters: [], links: new Set(), sessions: new Map(), waiting: new Set() };
    this.#queues.set(key, queue);
    return queue;
  }

  #isMissing(address: string): boolean {
    return !address.startsWith("$") && this.#options.missing(address.replace(/\/\$.*$/, ""));
  }

  #later(run: () => void, ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer.unref());
    return timer;
  }

  #attach(link: Sender): void {
    const { address, filter } = link.source as { address: string; filter?: Record<string, unknown> };
    link.set_source({ address, ...(filter !== undefined && { filter: filter as never }) });
    if (link.target !== undefined) link.set_target({ address: link.target.address });
    if (this.#isMissing(address)) return void link.close(notFound(address));
    if (isControl(address)) return;
    confirmDrains(link);
    const queue = this.#queue(address);
    if (filter === undefined || !(sessionFilter in filter)) return void queue.links.add(link);
    // It is answered when there is a session: what rhea has begun is taken back.
    const state = (link as unknown as { state: { local_open: boolean; open_requests: number } }).state;
    state.local_open = false;
    state.open_requests = 0;
    queue.waiting.add(link);
    this.#lendSessions(queue);
    const timeoutMs = Number((link.properties as Record<string, unknown> | undefined)?.["com.microsoft:timeout"] ?? 60_000);
    this.#later(() => {
      if (!queue.waiting.delete(link)) return;
      link.set_source({ address: "" });
      reopen(link);
      link.close({ condition: "com.microsoft:timeout", description: "There is no session." } as never);
    }, timeoutMs);
  }

  #detach(link: Sender): void {
    const queue = this.#queue(addressOf(link));
    queue.links.delete(link);
    queue.waiting.delete(link);
    const session = [...queue.sessions.values()].find((each) => each.link === link);
    // The locks of single messages outlive their link.
    if (session !== undefined) this.#endSession(queue, session);
  }

  #leave(connection: Connection): void {
    this.#connections.delete(connection);
    for (const { links, waiting, sessions } of this.#queues.values()) {
      // All of them before any session ends, which would be lent to one of the others.
      for (const set of [links, waiting]) for (const link of set) if (link.connection === connection) set.delete(link);
      for (const { link } of [...sessions.values()]) if (link.connection === connection) this.#detach(link);
    }
  }

  #lendSessions(queue: BrokerQueue): void {
    for (const link of queue.waiting) {
      const letter = queue.letters.find(({ isDue, message }) => isDue && !queue.sessions.has(String(message.group_id)));
      if (letter === undefined) return;
      queue.waiting.delete(link);
      const id = String(letter.message.group_id);
      const session: SessionLock = { id, link, until: 0, timer: undefined };
      queue.sessions.set(id, session);
      this.#renewSession(queue, session);
      const { address } = link.source;
      link.set_source({ address, filter: { [sessionFilter]: id } as never });
      const local = (link as unknown as { local: { attach: { properties: unknown } } }).local;
      local.attach.properties = { "com.microsoft:locked-until-utc": types.wrap_long(toTicks(session.until)) };
      reopen(link);
    }
  }

  #renewSession(queue: BrokerQueue, session: SessionLock): void {
    const { lockMs } = this.#options;
    session.until = Date.now() + lockMs;
    clearTimeout(session.timer);
    session.timer = this.#later(() => {
      this.#endSession(queue, session);
      session.link.close({ condition: "com.microsoft:session-lock-lost", description: "The session lock was lost." } as never);
    }, lockMs);
  }

  #endSession(queue: BrokerQueue, session: SessionLock): void {
    if (queue.sessions.get(session.id) !== session) return;
    queue.sessions.delete(session.id);
    clearTimeout(session.timer);
    for (const lock of this.#locks.values()) if (lock.session === session) this.#comeBack(lock);
    this.#pump(queue);
  }

  #receive({ receiver, message, delivery, connection }: EventContext): unknown {
    if (receiver === undefined || message === undefined || delivery === undefined) return;
    const address = receiver.target.address as string;
    receiver.add_credit(1);
    const reply = (properties: object, body?: unknown) => {
      const answer = { correlation_id: message.message_id, application_properties: properties, body } as never;
      connection.each_link?.((link: Sender) => {
        const sender = link;
        const isMine = link.is_sender() && sender.source?.address === address && sender.is_open();
        if (isMine && (address === "$cbs" || sender.target?.address === message.reply_to)) sender.send(answer);
      });
    };
    if (amqp.encode(message).length > mostBytes) return delivery.reject({ condition: "amqp:link:message-size-exceeded" } as never);
    delivery.accept();
    if (address === "$cbs") return reply({ "status-code": 200, "status-description": "OK" });
    if (isControl(address)) return this.#manage(address, message as never, reply);
    const queue = this.#queue(address);
    const isBatch = (delivery as unknown as { format: number }).format === batchFormat;
    const sections = isBatch
      ? [(amqp.decode(message as never) as unknown as { body: { content: Buffer | Buffer[] } }).body.content].flat()
      : [];
    for (const one of isBatch ? sections.map((raw) => amqp.decode(raw)) : [message]) this.#enqueue(queue, one as never);
  }

  #enqueue(queue: BrokerQueue, message: AmqpMessage): void {
    const now = Date.now();
    const dueInMs = Number(message.message_annotations?.["x-opt-scheduled-enqueue-time"] ?? now) - now;
    const letter: Letter = { sequence: ++this.#sequence, enqueuedAt: now, message, returns: 0, isDue: dueInMs <= 0, lock: undefined };
    queue.letters.push(letter);
    if (letter.isDue) this.#pump(queue);
    else
      this.#later(() => {
        letter.isDue = true;
        this.#pump(queue);
      }, dueInMs);
  }

  #pump(queue: BrokerQueue): void {
    this.#lendSessions(queue);
    for (const session of queue.sessions.values()) this.#deliver(queue, session.link, session);
    for (const link of queue.links) this.#deliver(queue, link, undefined);
  }

  #deliver(queue: BrokerQueue, link: Sender, session: SessionLock | undefined): void {
    const isFree = ({ isDue, lock, message }: Letter) =>
      isDue && lock === undefined && (session === undefined || message.group_id === session.id);
    while (link.is_open() && link.sendable()) {
      const letter = queue.letters.find(isFree);
      if (letter === undefined) return;
      const token = randomUUID().replaceAll("-", "");
      const lock: Lock = { token, letter, queue, session, timer: undefined };
      letter.lock = lock;
      this.#locks.set(token, lock);
      const until = session?.until ?? this.#renew(lock);
      link.send(toWire(letter, until) as never, inNetOrder(Buffer.from(token, "hex")) as never);
    }
  }

  #renew(lock: Lock): number {
    clearTimeout(lock.timer);
    lock.timer = this.#later(() => this.#comeBack(lock), this.#options.lockMs);
    return Date.now() + this.#options.lockMs;
  }

  /** What the receiver of a delivery has decided is carried out, unless its lock has ended. */
  #settle(delivery: Delivery, act: (lock: Lock) => void): void {
    if (delivery.settled) return;
    const lock = this.#locks.get(inNetOrder(Buffer.from(delivery.tag as never)).toString("hex"));
    const isOurs = lock !== undefined;
    const outcome = isOurs ? rheaOutcome("accepted") : rheaOutcome("rejected", lockLost);
    delivery.update(true, outcome as never);
    if (isOurs) act(lock);
  }

  #unlock(lock: Lock): void {
    clearTimeout(lock.timer);
    this.#locks.delete(lock.token);
    lock.letter.lock = undefined;
  }

  #remove(lock: Lock): void {
    this.#unlock(lock);
    lock.queue.letters.splice(lock.queue.letters.indexOf(lock.letter), 1);
  }

  #comeBack(lock: Lock): void {
    this.#unlock(lock);
    lock.letter.returns += 1;
    if (lock.letter.returns >= this.#options.maxDeliveryCount) this.#bury(lock, "MaxDeliveryCountExceeded", "It came back too often.");
    else this.#pump(lock.queue);
  }

  #bury(lock: Lock, reason?: unknown, description?: unknown): void {
    this.#remove(lock);
    const properties = { DeadLetterReason: reason, DeadLetterErrorDescription: description };
    const { message } = lock.letter;
    const { message_annotations: _, ...rest } = message;
    const target = this.#queue(`${lock.queue.name}${deadLetters}`);
    this.#enqueue(target, { ...rest, application_properties: { ...message.application_properties, ...properties } } as AmqpMessage);
  }

  /** Requests to the `$management` node of a queue. */
  #manage(address: string, request: AmqpMessage, reply: (properties: object, body?: unknown) => void): unknown {
    const queue = this.#queue(address.slice(0, -"/$management".length));
    const body = request.body as Record<string, unknown>;
    const done = (answer: unknown = {}) => reply({ statusCode: 200, statusDescription: "OK" }, answer);
    const refuse = (statusCode: number, condition: string) =>
      reply({ statusCode, statusDescription: condition, errorCondition: condition });
    const operation = String(request.application_properties?.operation).replace("com.microsoft:", "");
    const tokens = [body["lock-tokens"] ?? []].flat() as (Buffer | { value: Buffer })[];
    const locks = tokens.map((token) => this.#locks.get(Buffer.from("value" in token ? token.value : token).toString("hex")));
    if (locks.includes(undefined)) return refuse(410, lockLost.condition);
    const held = locks as Lock[];
    if (operation === "renew-lock")
      return done({
        expirations: types.wrap_array(
          held.map((lock) => this.#renew(lock)),
          0x83,
          undefined,
        ),
      });
    if (operation === "renew-session-lock") {
      const session = queue.sessions.get(String(body["session-id"]));
      if (session === undefined) return refuse(410, "com.microsoft:session-lock-lost");
      this.#renewSession(queue, session);
      return done({ expiration: types.wrap_timestamp(session.until) });
    }
    if (operation === "update-disposition") {
      const disposition = body["disposition-status"];
      for (const lock of held) {
        if (disposition === "completed") this.#remove(lock);
        else if (disposition === "suspended") this.#bury(lock, body["deadletter-reason"], body["deadletter-description"]);
        else this.#comeBack(lock);
      }
      return done();
    }
    if (operation === "peek-message") {
      const from = toNumber(body["from-sequence-number"]);
      const found = queue.letters.filter(({ sequence }) => sequence >= from).slice(0, Number(body["message-count"]));
      if (found.length === 0) return reply({ statusCode: 204, statusDescription: "No Content" });
      return done({ messages: found.map((letter) => ({ message: amqp.encode(toWire(letter)) })) });
    }
    return reply({ statusCode: 501, statusDescription: `not here: ${operation}` });
  }
}

interface RejectedState {
  error?: { info?: { DeadLetterReason?: unknown; DeadLetterErrorDescription?: unknown } };
}

function reopen(link: Sender): void {
  (link as unknown as { open(): void }).open();
}

/** Rhea answers a drain only while credit is left; one that crossed the last message has to be answered, too. */
function confirmDrains(link: Sender): void {
  const inner = link as unknown as { _get_drain(): boolean; _draining: boolean; _drained: boolean };
  const consumeCredit = inner._get_drain.bind(link);
  inner._get_drain = () => consumeCredit() || (inner._draining && inner._drained);
}

function addressOf(link: Sender): string {
  return link.source.address as string;
}

function isControl(address: string): boolean {
  return address === "$cbs" || address.endsWith("/$management");
}

function notFound(address: string): never {
  return { condition: "amqp:not-found", description: `The messaging entity '${address}' could not be found.` } as never;
}

function rheaOutcome(outcome: "accepted" | "rejected", error?: object): unknown {
  const { accepted, rejected } = amqp as unknown as Record<string, (fields?: object) => { described(): unknown }>;
  return (outcome === "accepted" ? accepted?.() : rejected?.({ error }))?.described();
}

function toWire({ message, returns, sequence, enqueuedAt }: Letter, lockedUntil?: number): AmqpMessage {
  return {
    ...message,
    message_id: message.message_id ?? randomUUID(),
    delivery_count: returns,
    message_annotations: {
      ...message.message_annotations,
      "x-opt-sequence-number": types.wrap_long(sequence),
      "x-opt-enqueued-time": types.wrap_timestamp(enqueuedAt),
      ...(lockedUntil !== undefined && { "x-opt-locked-until": types.wrap_timestamp(lockedUntil) }),
    },
  };
}

/** The first three parts of a UUID with their bytes reversed, as the client does with the tags that are its lock tokens; and back. */
function inNetOrder(bytes: Buffer): Buffer {
  const part = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse();
  return Buffer.concat([part(0, 4), part(4, 6), part(6, 8), bytes.subarray(8)]);
}

function toNumber(value: unknown): number {
  return Buffer.isBuffer(value) ? Number(value.readBigInt64BE()) : Number(value);
}

/** Tenths of microseconds since the year 1. */
function toTicks(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(ms) * 10_000n + 621_355_968_000_000_000n);
  return bytes;
}
