import { useEffect, useState } from "preact/hooks";
import type { ExecutionEvent } from "../../model/execution-event.ts";
import { toLine, toTime } from "./format.ts";
import { onEvents, recentEvents } from "./live.ts";

const keptEvents = 500;
const own = new Set(["type", "executionId", "sequence", "at", "attempt"]);

/** What has happened to it since the dashboard was opened, newest first. */
export function EventLog({ id }: { id: string }) {
  const [events, setEvents] = useState<readonly ExecutionEvent[]>(() => recentEvents.value.filter(({ executionId }) => executionId === id));
  useEffect(
    () =>
      onEvents((more) => {
        const mine = more.filter(({ executionId }) => executionId === id);
        if (mine.length > 0) setEvents((before) => [...before, ...mine].slice(-keptEvents));
      }),
    [id],
  );
  return (
    <section class="log">
      <h2>events seen here</h2>
      {events.length === 0 && <p class="footing">None yet.</p>}
      <ol reversed>
        {[...events].reverse().map((event) => (
          <li key={event.sequence}>
            <time>{toTime(event.at)}</time>
            <span>{event.type.slice("execution.".length)}</span>
            <span class="detail">{toLine(detailOf(event), 160)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function detailOf(event: ExecutionEvent): unknown {
  const details = Object.entries(event).filter(([name]) => !own.has(name));
  if (details.length === 0) return "";
  return details.length === 1 ? details[0]?.[1] : Object.fromEntries(details);
}
