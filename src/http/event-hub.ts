import { nanoid } from "nanoid";
import type { Subscription } from "xstate";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { CoordinatorClosedError } from "../model/errors.ts";
import type { ExecutionEvent, ExecutionEventType } from "../model/execution-event.ts";
import type { Clock } from "../ports/clock.ts";
import { type EventBatch, EventClient, missedNotice } from "./event-client.ts";
import { EventReplay } from "./event-replay.ts";
import { Problem } from "./problem.ts";
import { toEventJson } from "./shown-execution.ts";
import { sseBlock, sseComment, sseOpening } from "./sse-block.ts";

/** Events that come together go out together. */
const gatherMs = 15;
/** How long events are kept although nobody reads them. */
const lingerMs = 60_000;
const retryMs = 1_000;
const finalTypes = new Set<ExecutionEventType>(["execution.completed", "execution.failed", "execution.cancelled"]);

export interface EventHubOptions {
  readonly coordinator: AnyCoordinator;
  readonly clock: Clock;
  readonly maxReplayedEvents: number;
  readonly maxClients: number;
  readonly heartbeatMs: number;
}

interface Listening {
  /** Tells the numbers of this time of listening from those of another one, also in another process. */
  readonly epoch: string;
  readonly replay: EventReplay;
  readonly batches: Map<number, EventBatch>;
  readonly subscription: Subscription;
}

/** Brings the events of a coordinator to any number of readers. Listens from the first reader until a while after the last one. */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #all = new Set<EventClient>();
  readonly #byExecution = new Map<string, Set<EventClient>>();
  /** Readers for whom something came since the last flush. */
  readonly #due = new Set<EventClient>();
  #stopWatching: () => void = () => {};
  #listening: Listening | undefined;
  #clients = 0;
  #isClosed = false;
  #flushTimer: unknown;
  #heartbeatTimer: unknown;
  #lingerTimer: unknown;

  constructor(options: EventHubOptions) {
    this.#options = options;
    const { supervisor } = options.coordinator;
    const subscription = supervisor.subscribe({ complete: () => this.close() });
    this.#stopWatching = () => subscription.unsubscribe();
  }

  get clients(): number {
    return this.#clients;
  }

  /** A reader of all events, or of those of one execution. It goes on after `lastEventId` where that is known. It must be opened. */
  connect(
    executionId: string | undefined,
    lastEventId: string | undefined,
  ): { client: EventClient; opening: Uint8Array<ArrayBuffer>[]; goesOn: boolean } {
    if (this.#isClosed) throw new CoordinatorClosedError("the coordinator is closed: there are no more events");
    if (this.#clients >= this.#options.maxClients) throw new Problem("TOO_MANY_EVENT_CLIENTS");
    const { epoch, replay, batches } = this.#listen();
    const from = lastEventId === undefined ? replay.next : this.#placeAfter(lastEventId);
    const place = from ?? replay.next;
    const client = new EventClient({ epoch, replay, executionId, place, batches, onEnd: (ended) => this.#remove(ended) });
    this.#add(client);
    const opening = [sseOpening(`${epoch}-${place - 1}`, retryMs)];
    // It comes from before this time of listening: what happened in between is not known here.
    if (from === undefined) opening.push(sseBlock({ type: "events.missed", data: missedNotice(undefined) }));
    return { client, opening, goesOn: lastEventId !== undefined && from !== undefined };
  }

  /** Whether a reader who comes back with this id has seen all there is of the execution. */
  hasSeenAll(executionId: string, lastEventId: string): boolean {
    const replay = this.#listening?.replay;
    const place = this.#placeAfter(lastEventId);
    if (replay === undefined || place === undefined || place < replay.first) return false;
    for (let later = place; later < replay.next; later += 1) if (replay.get(later)?.executionId === executionId) return false;
    return true;
  }

  /** Ends all streams; there will be no others. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#flush();
    for (const client of this.#everyone()) client.finish();
    this.#stopListening();
    this.#stopWatching();
  }

  #placeAfter(eventId: string): number | undefined {
    const [epoch, sequence = ""] = splitAtLast(eventId, "-");
    if (this.#listening === undefined || epoch !== this.#listening.epoch || !/^\d{1,15}$/.test(sequence)) return undefined;
    const place = Number(sequence) + 1;
    return place > this.#listening.replay.next ? undefined : place;
  }

  #listen(): Listening {
    if (this.#listening !== undefined) return this.#listening;
    const { coordinator, maxReplayedEvents } = this.#options;
    this.#listening = {
      epoch: nanoid(8),
      replay: new EventReplay(maxReplayedEvents),
      batches: new Map(),
      subscription: coordinator.on("*", (event) => this.#push(event)),
    };
    this.#beatLater();
    return this.#listening;
  }

  #stopListening(): void {
    const { clock } = this.#options;
    for (const timer of [this.#flushTimer, this.#heartbeatTimer, this.#lingerTimer]) clock.clearTimeout(timer);
    this.#flushTimer = undefined;
    this.#listening?.subscription.unsubscribe();
    this.#listening = undefined;
  }

  #push(event: ExecutionEvent): void {
    if (this.#listening === undefined) return;
    const { epoch, replay, batches } = this.#listening;
    const { executionId, type } = event;
    const place = replay.next;
    replay.push({
      executionId,
      isFinal: finalTypes.has(type),
      block: sseBlock({ id: `${epoch}-${place}`, type, data: toEventJson(event) }),
    });
    batches.clear();
    for (const client of this.#byExecution.get(executionId) ?? []) {
      client.expect(place);
      this.#due.add(client);
    }
    this.#flushTimer ??= this.#options.clock.setTimeout(() => this.#flush(), gatherMs, true);
  }

  #flush(): void {
    this.#options.clock.clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const due = [...this.#all, ...this.#due];
    this.#due.clear();
    for (const client of due) client.pump();
  }

  #beatLater(): void {
    const { clock, heartbeatMs } = this.#options;
    this.#heartbeatTimer = clock.setTimeout(() => this.#beat(), heartbeatMs, true);
  }

  #beat(): void {
    const heartbeat = sseComment("still here");
    for (const client of this.#everyone()) client.beat(heartbeat);
    this.#beatLater();
  }

  #everyone(): EventClient[] {
    return [...this.#all, ...[...this.#byExecution.values()].flatMap((clients) => [...clients])];
  }

  #add(client: EventClient): void {
    this.#clients += 1;
    this.#options.clock.clearTimeout(this.#lingerTimer);
    const { executionId } = client;
    if (executionId === undefined) {
      this.#all.add(client);
      return;
    }
    const clients = this.#byExecution.get(executionId) ?? new Set();
    this.#byExecution.set(executionId, clients.add(client));
  }

  #remove(client: EventClient): void {
    this.#clients -= 1;
    this.#all.delete(client);
    this.#due.delete(client);
    const ofExecution = this.#byExecution.get(client.executionId ?? "");
    ofExecution?.delete(client);
    if (ofExecution?.size === 0) this.#byExecution.delete(client.executionId ?? "");
    if (this.#clients > 0 || this.#isClosed) return;
    this.#lingerTimer = this.#options.clock.setTimeout(() => this.#stopListening(), lingerMs, true);
  }
}

function splitAtLast(text: string, separator: string): [string, string?] {
  const index = text.lastIndexOf(separator);
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
