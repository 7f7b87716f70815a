import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Execution, type Filter, getExecution } from "./api.ts";
import { toCount, toLine, toSpan, toTime } from "./format.ts";
import { stats } from "./live.ts";
import { LoadedExecutions, pageSize } from "./loaded-executions.ts";
import { addressOf } from "./route.ts";

const rowHeight = 36;
const spareRows = 12;
const statuses = ["", "queued", "running", "completed", "failed", "cancelled"];

/** All that is filtered for, a page at a time as it is scrolled; only rows in sight are in the document. */
export function ExecutionList() {
  const [filter, setFilter] = useState<Filter>({ status: "", group: "", tag: "" });
  const { viewport, top, height, isPointedAt } = useViewport();
  const isReadBelow = top >= rowHeight;
  const loaded = useExecutions(filter, isReadBelow || isPointedAt);
  const { items, isComplete, problem } = loaded;
  const first = Math.max(0, Math.floor(top / rowHeight) - spareRows);
  const shown = items.slice(first, Math.ceil((top + height) / rowHeight) + spareRows);
  const isNearEnd = first + shown.length + pageSize / 2 > items.length;
  useEffect(() => {
    if (isNearEnd && !isComplete) loaded.loadMore();
  }, [isNearEnd, isComplete, items.length, loaded]);
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
            : `${toCount(items.length)} of ${total === undefined ? "…" : toCount(Math.max(total, items.length))} loaded, newest first${isReadBelow ? "; new ones come at the top" : isPointedAt ? "; still while you choose" : ""}`)}
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
  const [isPointedAt, setIsPointedAt] = useState(false);
  useEffect(() => {
    const element = viewport.current as HTMLDivElement;
    const measure = () => setPlace({ top: element.scrollTop, height: element.clientHeight });
    const point = () => setIsPointedAt(element.matches(":hover") || element.contains(document.activeElement));
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const pointing = ["pointerenter", "pointerleave", "focusin", "focusout"];
    for (const type of pointing) element.addEventListener(type, point);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      for (const type of pointing) element.removeEventListener(type, point);
      observer.disconnect();
    };
  }, []);
  return { viewport, ...place, isPointedAt };
}

/** Loads pages, and keeps what was loaded in step with the events. */
function useExecutions(filter: Filter, holdsStill: boolean): LoadedExecutions {
  const [, setVersion] = useState(0);
  const loaded = useMemo(() => new LoadedExecutions(filter, () => setVersion((before) => before + 1)), [filter]);
  useEffect(() => {
    loaded.open();
    return () => loaded.close();
  }, [loaded]);
  useEffect(() => {
    loaded.holdsStill = holdsStill;
    if (!holdsStill) loaded.refresh();
  }, [loaded, holdsStill]);
  return loaded;
}
