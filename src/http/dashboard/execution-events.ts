import { useEffect, useMemo, useState } from "preact/hooks";
import type { ExecutionEvent } from "../../model/execution-event.ts";
import { getHistory } from "./api.ts";
import { onEvents, recentEvents } from "./live.ts";

const refreshMs = 2_000;
const keptEvents = 5_000;

/** What has happened to it, oldest first: what the store keeps of all processes, and what this page has seen. */
export function useExecutionEvents(id: string): { events: readonly ExecutionEvent[]; isStored: boolean } {
  const [stored, setStored] = useState<readonly ExecutionEvent[]>([]);
  const [seen, setSeen] = useState<readonly ExecutionEvent[]>([]);
  useEffect(() => {
    setSeen(recentEvents.value.filter(({ executionId }) => executionId === id));
    const leaving = new AbortController();
    let last = 0;
    let isAsking = false;
    const ask = async () => {
      if (isAsking || document.hidden) return;
      isAsking = true;
      const more = await getHistory(id, last, leaving.signal).catch(() => []);
      isAsking = false;
      if (more.length === 0 || leaving.signal.aborted) return;
      last = more.at(-1)?.sequence ?? last;
      setStored((before) => [...before, ...more].slice(-keptEvents));
      await ask();
    };
    void ask();
    const timer = setInterval(() => void ask(), refreshMs);
    const stop = onEvents((events) => {
      const mine = events.filter(({ executionId }) => executionId === id);
      if (mine.length === 0) return;
      setSeen((before) => [...before, ...mine].slice(-keptEvents));
      void ask();
    });
    return () => {
      stop();
      clearInterval(timer);
      leaving.abort();
    };
  }, [id]);
  const events = useMemo(() => merged(stored, seen), [stored, seen]);
  return { events, isStored: stored.length > 0 };
}

function merged(stored: readonly ExecutionEvent[], seen: readonly ExecutionEvent[]): readonly ExecutionEvent[] {
  const newest = stored.at(-1)?.at ?? 0;
  const known = new Set(stored.map(identityOf));
  // Of progress that came within a moment, only the newest is stored.
  const more = seen.filter((event) => !known.has(identityOf(event)) && (event.at >= newest || event.type !== "execution.progressed"));
  return [...stored, ...more].sort((a, b) => a.at - b.at);
}

function identityOf({ type, at, attempt }: ExecutionEvent): string {
  return `${type} ${at} ${attempt}`;
}
