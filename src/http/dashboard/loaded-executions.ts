import type { ExecutionEvent } from "../../model/execution-event.ts";
import { type Execution, type Filter, listExecutions, type Page } from "./api.ts";
import { onEvents } from "./live.ts";

export const pageSize = 200;
const refreshMs = 2_000;
/** Between two looks at what is new, however much begins. */
const restMs = 500;

/** Executions, newest first, a page at a time, and in step with the events. */
export class LoadedExecutions {
  items: readonly Execution[] = [];
  isComplete = false;
  problem: string | undefined;
  /** Nothing that is new comes in above: somebody reads further down, or is about to choose. */
  holdsStill = false;
  readonly #filter: Filter;
  readonly #changed: () => void;
  readonly #leaving = new AbortController();
  #rows: Execution[] = [];
  #places = new Map<string, number>();
  #cursor: string | undefined;
  /** While a page is on its way: what happens meanwhile is not in it, or is. */
  #meanwhile: ExecutionEvent[] | undefined;
  #stopListening = () => {};
  #timer = 0;
  #soon = 0;
  #wantsMore = false;
  #lookedAt = 0;

  constructor(filter: Filter, changed: () => void) {
    this.#filter = filter;
    this.#changed = changed;
  }

  open(): void {
    this.#stopListening = onEvents((events) => this.#apply(events));
    this.#timer = setInterval(() => this.refresh(), refreshMs) as unknown as number;
    void this.#load("newest");
  }

  close(): void {
    this.#stopListening();
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#leaving.abort();
  }

  loadMore(): void {
    this.#wantsMore = this.#meanwhile !== undefined;
    if (this.#cursor !== undefined) void this.#load("older");
  }

  /** Begins anew with the first page: whatever was loaded below it is loaded again when it is scrolled to. */
  refresh(): void {
    if (!this.holdsStill && !document.hidden) void this.#load("newest");
  }

  async #load(part: "newest" | "older"): Promise<void> {
    if (this.#meanwhile !== undefined || this.#leaving.signal.aborted) return;
    const meanwhile: ExecutionEvent[] = [];
    this.#meanwhile = meanwhile;
    try {
      const page = await listExecutions(this.#filter, pageSize, part === "older" ? this.#cursor : undefined, this.#leaving.signal);
      // Somebody may have begun to read while it was on its way.
      if (part === "older" || !this.holdsStill || this.#rows.length === 0) this.#take(page, part);
      this.#update(meanwhile);
      this.problem = undefined;
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.problem = (error as Error).message;
    }
    this.#meanwhile = undefined;
    if (part === "newest") this.#lookedAt = performance.now();
    this.#show();
    if (this.#wantsMore && this.problem === undefined) this.loadMore();
  }

  #take({ items, nextCursor }: Page, part: "newest" | "older"): void {
    if (part === "newest") {
      this.#rows = [];
      this.#places = new Map();
    }
    for (const item of items) {
      if (this.#places.has(item.id)) continue;
      this.#places.set(item.id, this.#rows.length);
      this.#rows.push(item);
    }
    this.#cursor = nextCursor;
    this.isComplete = nextCursor === undefined;
  }

  #apply(events: readonly ExecutionEvent[]): void {
    this.#meanwhile?.push(...events);
    if (this.#update(events)) this.#show();
    if (this.#soon === 0 && events.some(({ type }) => type === "execution.queued")) {
      const rest = Math.max(0, this.#lookedAt + restMs - performance.now());
      this.#soon = setTimeout(() => {
        this.#soon = 0;
        this.refresh();
      }, rest) as unknown as number;
    }
  }

  #update(events: readonly ExecutionEvent[]): boolean {
    let isChanged = false;
    for (const event of events) {
      const place = this.#places.get(event.executionId);
      const before = place === undefined ? undefined : this.#rows[place];
      if (place === undefined || before === undefined) continue;
      this.#rows[place] = after(before, event);
      isChanged = true;
    }
    return isChanged;
  }

  #show(): void {
    this.items = this.#rows;
    this.#changed();
  }
}

/** The record as it is after this event. */
function after(execution: Execution, event: ExecutionEvent): Execution {
  const { at, attempt } = event;
  switch (event.type) {
    case "execution.started":
      return { ...execution, attempt, status: "running", state: "running.working", startedAt: execution.startedAt ?? at };
    case "execution.progressed":
      return { ...execution, progress: event.progress };
    case "execution.waiting":
      return { ...execution, state: "running.waiting" };
    case "execution.continued":
      return { ...execution, state: "running.working" };
    case "execution.cancelling":
      return { ...execution, state: "running.cancelling" };
    case "execution.timingOut":
      return { ...execution, state: "running.timingOut" };
    case "execution.retrying":
      return { ...execution, status: "queued", state: "queued.delayed", error: event.error };
    case "execution.completed": {
      const { durationMs } = event;
      return { ...execution, status: "completed", state: "completed", completedAt: at, durationMs };
    }
    case "execution.failed": {
      const { durationMs, error } = event;
      return { ...execution, status: "failed", state: "failed", completedAt: at, durationMs, error };
    }
    case "execution.cancelled": {
      const { durationMs, reason } = event;
      return {
        ...execution,
        status: "cancelled",
        state: "cancelled",
        completedAt: at,
        durationMs,
        ...(reason !== undefined && { reason }),
      };
    }
    default:
      return execution;
  }
}
