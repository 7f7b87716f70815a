import type { Subscription } from "xstate";
import type { ExecutionEvent, ExecutionEventType } from "../model/execution-event.ts";
import type { EventOfType } from "./coordinator.ts";
import { EventStream } from "./event-stream.ts";

/** An event that has no number yet. */
export type UnnumberedEvent<Event = ExecutionEvent> = Event extends ExecutionEvent ? Omit<Event, "sequence"> : never;

interface OpenCancels {
  open: number;
  isTold: boolean;
}

/** What a durable coordinator tells in its process, from its client and its worker, in one order. */
export class DurableEvents<Output> {
  readonly #listeners = new Map<string, Set<(event: ExecutionEvent<Output>) => void>>();
  readonly #streams = new Set<EventStream<Output>>();
  readonly #reportError: (error: unknown) => void;
  /** Starts that are being written: a worker may be faster than the answer to their client. */
  readonly #starting = new Set<string>();
  /** Cancels that are being written: a worker may hear before their client that it has ended. */
  readonly #cancels = new Map<string, OpenCancels>();
  #sequence = 0;
  #closed = false;

  constructor(reportError: (error: unknown) => void) {
    this.#reportError = reportError;
  }

  /** That it is queued is told at the latest before anything else about it. */
  starting(id: string): void {
    this.#starting.add(id);
  }

  /** It is written; `queuedAt` is undefined where it was refused. */
  started(executionId: string, queuedAt: number | undefined): void {
    if (this.#starting.delete(executionId) && queuedAt !== undefined) this.publish(queuedEvent(executionId, queuedAt));
  }

  /** To be ended with `cancelAnswered`. */
  cancelling(id: string): { readonly isTold: boolean } {
    const cancels = this.#cancels.get(id) ?? { open: 0, isTold: false };
    this.#cancels.set(id, cancels);
    cancels.open += 1;
    return cancels;
  }

  cancelAnswered(id: string): void {
    const cancels = this.#cancels.get(id);
    if (cancels === undefined) return;
    cancels.open -= 1;
    if (cancels.open === 0) this.#cancels.delete(id);
  }

  /** Never throws. */
  publish(event: UnnumberedEvent): void {
    if (event.type === "execution.cancelled") this.#cancelTold(event.executionId);
    if (this.#starting.delete(event.executionId)) this.publish(queuedEvent(event.executionId, event.at));
    this.#sequence += 1;
    const listeners = this.#listeners.get(event.type);
    const ofAll = this.#listeners.get("*");
    if (listeners === undefined && ofAll === undefined && this.#streams.size === 0) return;
    const numbered = { ...event, sequence: this.#sequence } as ExecutionEvent<Output>;
    if (listeners !== undefined) for (const listener of listeners) this.#tell(listener, numbered);
    if (ofAll !== undefined) for (const listener of ofAll) this.#tell(listener, numbered);
    for (const stream of this.#streams) stream.push(numbered);
  }

  on<Type extends ExecutionEventType | "*">(type: Type, listener: (event: EventOfType<Type, Output>) => void): Subscription {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    // Its own function for each subscription, so that the same listener may subscribe twice.
    const own = (event: ExecutionEvent<Output>) => listener(event as EventOfType<Type, Output>);
    listeners.add(own);
    return { unsubscribe: () => void listeners.delete(own) };
  }

  stream(signal: AbortSignal | undefined): EventStream<Output> {
    const end = () => stream.end();
    const stream = new EventStream<Output>(() => {
      signal?.removeEventListener("abort", end);
      this.#streams.delete(stream);
    });
    signal?.addEventListener("abort", end, { once: true });
    this.#streams.add(stream);
    if (signal?.aborted || this.#closed) stream.end();
    return stream;
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.end();
    this.#listeners.clear();
  }

  #cancelTold(id: string): void {
    const cancels = this.#cancels.get(id);
    if (cancels !== undefined) cancels.isTold = true;
  }

  #tell(listener: (event: ExecutionEvent<Output>) => void, event: ExecutionEvent<Output>): void {
    try {
      listener(event);
    } catch (error) {
      this.#reportError(error);
    }
  }
}

function queuedEvent(executionId: string, at: number): UnnumberedEvent {
  return { type: "execution.queued", executionId, at, attempt: 0 };
}
