import type { ExecutionEvent } from "../../model/execution-event.ts";
import { toLine, toSpan, toTime } from "./format.ts";

const shownEvents = 500;
const own = new Set(["type", "executionId", "sequence", "at", "attempt"]);

/** What has happened to it, newest first. */
export function EventLog({ events, isStored }: { events: readonly ExecutionEvent[]; isStored: boolean }) {
  return (
    <section class="log">
      <h2>{isStored ? "events" : "events, as seen since this page was opened"}</h2>
      {events.length === 0 && <p class="footing">None yet.</p>}
      <ol reversed>
        {events
          .slice(-shownEvents)
          .reverse()
          .map((event) => (
            <li key={`${event.type} ${event.at} ${event.sequence}`}>
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
  if (event.type === "execution.started") return `attempt ${event.attempt}`;
  if (event.type === "execution.retrying") return `${toError(event.error)}; again in ${toSpan(event.delayMs)}`;
  if (event.type === "execution.failed") return `${toError(event.error)}; after ${toSpan(event.durationMs)}`;
  const details = Object.entries(event).filter(([name]) => !own.has(name));
  if (details.length === 0) return "";
  return details.length === 1 ? details[0]?.[1] : Object.fromEntries(details);
}

function toError({ name, message }: { name: string; message: string }): string {
  return `${name}: ${message}`;
}
