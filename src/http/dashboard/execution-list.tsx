import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ExecutionEvent } from "../../model/execution-event.ts";
import { type Execution, type Filter, getExecution, listExecutions } from "./api.ts";
import { toCount, toLine, toSpan, toTime } from "./format.ts";
import { onEvents, stats } from "./live.ts";
import { addressOf } from "./route.ts";

const rowHeight = 36;
const pageSize = 200;
const spareRows = 12;
const refreshMs = 2_000;
const statuses = ["", "queued", "running", "completed", "failed", "cancelled"];

/** All that is filtered for, a page at a time as it is scrolled; only rows in sight are in the document. */
export function ExecutionList() {
  const [filter, setFilter] = useState<Filter>({ status: "", group: "", tag: "" });
  const { items, isComplete, problem, loadMore } = useExecutions(filter);
  const { viewport, top, height } = useViewport();
  const first = Math.max(0, Math.floor(top / rowHeight) - spareRows);
  const shown = items.slice(first, Math.ceil((top + height) / rowHeight) + spareRows);
  const isNearEnd = first + shown.length + pageSize / 2 > items.length;
  useEffect(() => {
    if (isNearEnd && !isComplete) loadMore();
  }, [isNearEnd, isComplete, items.length, loadMore]);
  const known = stats.value?.records;
  const total = filter.group === "" && filter.tag === "" ? known?.[(filter.status || "total") as "total"] : undefined;
  return (
    <section class="list" aria-label="Executions">
      <FilterBar filter={filter} onFilter={setFilter} />
      <div class="rows" ref={viewport}>
        <div class="row head" aria-hidden="true">
          {["id", "state", "attempt", "group", "queued", "duration", "progress"].map((name) => (
            <span key={name}>{name}</span>
          ))}
        </div>
        <ol class="canvas" onKeyDown={moveFocus} style={{ height: `${items.length * rowHeight}px` }}>
          {shown.map((execution, index) => (
            <Row key={execution.id} execution={execution} top={(first + index) * rowHeight} index={first + index} />
          ))}
        </ol>
      </div>
      <p class="footing" role="status">
        {problem ??
          (items.length === 0 && isComplete
            ? "None."
            : `${toCount(items.length)} of ${total === undefined ? "…" : toCount(Math.max(total, items.length))} loaded, oldest first`)}
      </p>
    </section>
  );
}

function FilterBar({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  const [draft, setDraft] = useState({ group: "", tag: "" });
  const [missing, setMissing] = useState("");
  const search = useRef<HTMLInputElement>(null);
  const asked = useRef("");
  // As soon as the field is there: an effect after the next frame would let a key that comes before be lost.
  useLayoutEffect(() => {
    const focusSearch = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", focusSearch);
    return () => removeEventListener("keydown", focusSearch);
  }, []);
  const find = async (event: Event) => {
    event.preventDefault();
    const id = search.current?.value.trim() ?? "";
    if (id === "") return;
    asked.current = id;
    const problem = await getExecution(id).then(
      () => undefined,
      (error: Error) => error.message,
    );
    // What was typed meanwhile asks for something else.
    if (asked.current !== id) return;
    if (problem === undefined) location.hash = addressOf(id);
    else setMissing(problem);
  };
  const retype = () => {
    asked.current = "";
    setMissing("");
  };
  const apply = (event: Event) => {
    event.preventDefault();
    onFilter({ ...filter, ...draft });
  };
  return (
    <div class="filters">
      <div role="radiogroup" aria-label="status" class="statuses">
        {statuses.map((status) => (
          <label key={status}>
            <input type="radio" name="status" checked={filter.status === status} onChange={() => onFilter({ ...filter, status })} />
            <span>{status || "all"}</span>
          </label>
        ))}
      </div>
      <form onSubmit={apply}>
        <input
          placeholder="group"
          aria-label="group"
          value={draft.group}
          onInput={(event) => setDraft({ ...draft, group: event.currentTarget.value.trim() })}
          onBlur={apply}
        />
        <input
          placeholder="tag"
          aria-label="tag"
          value={draft.tag}
          onInput={(event) => setDraft({ ...draft, tag: event.currentTarget.value.trim() })}
          onBlur={apply}
        />
        <button type="submit" class="silent">
          apply
        </button>
      </form>
      <form onSubmit={find} class="find">
        <input ref={search} placeholder="find by id  ( / )" aria-label="find by id" onInput={retype} />
        <output>{missing}</output>
      </form>
    </div>
  );
}

function Row({ execution, top, index }: { execution: Execution; top: number; index: number }) {
  const { id, state, status, attempt, group, queuedAt, durationMs, progress, error, reason } = execution;
  const detail = error?.message ?? reason ?? progress;
  return (
    <li aria-posinset={index + 1} class="place" style={{ top: `${top}px` }}>
      <a class="row" href={addressOf(id)} data-status={status}>
        <span class="id">{id}</span>
        <span class="state">{state}</span>
        <span>{attempt}</span>
        <span>{group}</span>
        <span>{toTime(queuedAt)}</span>
        <span>{toSpan(durationMs)}</span>
        <span class="detail">{detail === undefined ? "" : toLine(detail, 120)}</span>
      </a>
    </li>
  );
}

/** Up and down between rows, as in any list. */
function moveFocus(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("a.row")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[at === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

function useViewport() {
  const viewport = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = viewport.current as HTMLDivElement;
    const measure = () => setPlace({ top: element.scrollTop, height: element.clientHeight });
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, []);
  return { viewport, ...place };
}

/** Loads pages, and keeps what was loaded in step with the events. */
function useExecutions(filter: Filter) {
  const [version, setVersion] = useState(0);
  const loaded = useMemo(() => new LoadedExecutions(filter, () => setVersion((before) => before + 1)), [filter]);
  useEffect(() => {
    loaded.open();
    return () => loaded.close();
  }, [loaded]);
  const loadMore = useMemo(() => () => void loaded.loadMore(), [loaded]);
  return { items: loaded.items, isComplete: loaded.isComplete, problem: loaded.problem, loadMore, version };
}

class LoadedExecutions {
  readonly items: Execution[] = [];
  isComplete = false;
  problem: string | undefined;
  readonly #filter: Filter;
  readonly #changed: () => void;
  readonly #places = new Map<string, number>();
  readonly #leaving = new AbortController();
  #cursor: string | undefined;
  /** While a page is on its way: what happens meanwhile is not in it, or is. */
  #meanwhile: ExecutionEvent[] | undefined;
  #stopListening = () => {};
  #timer = 0;

  constructor(filter: Filter, changed: () => void) {
    this.#filter = filter;
    this.#changed = changed;
  }

  open(): void {
    this.#stopListening = onEvents((events) => this.#apply(events));
    this.#timer = setInterval(() => this.#refresh(), refreshMs) as unknown as number;
    void this.loadMore();
  }

  close(): void {
    this.#stopListening();
    clearInterval(this.#timer);
    this.#leaving.abort();
  }

  async loadMore(): Promise<void> {
    if (this.#meanwhile !== undefined || this.#leaving.signal.aborted) return;
    const meanwhile: ExecutionEvent[] = [];
    this.#meanwhile = meanwhile;
    try {
      const { items, nextCursor } = await listExecutions(this.#filter, pageSize, this.#cursor, this.#leaving.signal);
      for (const item of items) this.#put(item);
      this.#update(meanwhile);
      this.isComplete = nextCursor === undefined;
      if (nextCursor !== undefined) this.#cursor = nextCursor;
      this.problem = undefined;
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.problem = (error as Error).message;
    }
    this.#meanwhile = undefined;
    this.#changed();
  }

  /** What has come since the last page was the last one. */
  #refresh(): void {
    if (this.isComplete && !document.hidden) void this.loadMore();
  }

  #put(item: Execution): void {
    const place = this.#places.get(item.id);
    if (place !== undefined) {
      this.items[place] = item;
      return;
    }
    this.#places.set(item.id, this.items.length);
    this.items.push(item);
  }

  #apply(events: readonly ExecutionEvent[]): void {
    this.#meanwhile?.push(...events);
    if (this.#update(events)) this.#changed();
  }

  #update(events: readonly ExecutionEvent[]): boolean {
    let isChanged = false;
    for (const event of events) {
      const place = this.#places.get(event.executionId);
      const before = place === undefined ? undefined : this.items[place];
      if (place === undefined || before === undefined) continue;
      this.items[place] = after(before, event);
      isChanged = true;
    }
    return isChanged;
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
    case "execution.cancelled":
      return { ...execution, status: "cancelled", state: "cancelled", completedAt: at, durationMs: event.durationMs };
    default:
      return execution;
  }
}
