import type { ExecutionEvent } from "../model/execution-event.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionRecord } from "./execution-record.ts";

/** Distributes over the union, so that each event keeps its own fields. */
export type EventDetails<Event = ExecutionEvent> = Event extends ExecutionEvent
  ? Omit<Event, "executionId" | "sequence" | "at" | "attempt">
  : never;

/** What a transition has to tell others, kept until it is over, so that nobody sees it half done. */
export class Outbox {
  readonly #clock: Clock;
  readonly #reportError: (error: unknown) => void;
  #events: ExecutionEvent[] = [];
  #tasks: (() => void)[] = [];
  #sequence = 0;

  constructor(clock: Clock, reportError: (error: unknown) => void) {
    this.#clock = clock;
    this.#reportError = reportError;
  }

  addEvent(record: ExecutionRecord, details: EventDetails): void {
    this.#events.push({
      ...details,
      executionId: record.request.id,
      sequence: ++this.#sequence,
      at: this.#clock.now(),
      attempt: record.final?.info.attempt ?? record.run?.attempt ?? record.request.attempt,
    } as ExecutionEvent);
  }

  addTask(task: () => void): void {
    this.#tasks.push(task);
  }

  /** Never throws. */
  flush(emit: (event: ExecutionEvent) => void): void {
    const events = this.#events;
    const tasks = this.#tasks;
    if (events.length > 0) {
      this.#events = [];
      for (const event of events) emit(event);
    }
    if (tasks.length === 0) return;
    this.#tasks = [];
    for (const task of tasks) {
      try {
        task();
      } catch (error) {
        this.#reportError(error);
      }
    }
  }
}
