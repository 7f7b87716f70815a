import { useEffect, useState } from "preact/hooks";
import type { ExecutionEvent } from "../../model/execution-event.ts";
import type { Execution } from "./api.ts";
import { toSpan } from "./format.ts";

interface Segment {
  readonly phase: "queued" | "running" | "waiting" | "stopping";
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

const phases: Readonly<Partial<Record<ExecutionEvent["type"], Segment["phase"]>>> = {
  "execution.queued": "queued",
  "execution.started": "running",
  "execution.waiting": "waiting",
  "execution.continued": "running",
  "execution.cancelling": "stopping",
  "execution.timingOut": "stopping",
  "execution.retrying": "queued",
};

/** Its life from left to right: waiting for a slot, attempts, waiting for signals. */
export function Timeline({ execution, events }: { execution: Execution; events: readonly ExecutionEvent[] }) {
  const now = useNow(execution.completedAt === undefined);
  const segments = toSegments(execution, events, now);
  const from = segments[0]?.from ?? now;
  const length = Math.max(1, (segments.at(-1)?.to ?? now) - from);
  return (
    <section class="timeline" aria-label="Timeline">
      <ol>
        {segments.map((segment) => {
          const spanMs = segment.to - segment.from;
          return (
            <li
              key={segment.from + segment.phase}
              data-phase={segment.phase}
              style={{ flexGrow: `${Math.max(0.02, spanMs / length)}` }}
              title={`${segment.label}: ${toSpan(spanMs)}`}
            >
              <span>
                {segment.label} {toSpan(spanMs)}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** As much as is stored or was seen; before that, what the record knows. */
function toSegments(
  { queuedAt, startedAt, completedAt, state, attempt }: Execution,
  events: readonly ExecutionEvent[],
  now: number,
): Segment[] {
  const end = completedAt ?? now;
  const seen = events.filter(({ type }) => type !== "execution.queued" && phases[type] !== undefined);
  const turns: { at: number; phase: Segment["phase"]; attempt: number }[] = [{ at: queuedAt, phase: "queued", attempt: 0 }];
  if (startedAt !== undefined) turns.push({ at: startedAt, phase: "running", attempt: seen[0]?.attempt || 1 });
  for (const { at, type, attempt: ofEvent } of seen) {
    const before = turns.at(-1);
    const phase = phases[type] ?? "running";
    // The store's clock and the process's may tell the same beginning a little differently.
    const isSame = before?.phase === phase && before.attempt === ofEvent;
    if (!isSame && at >= (before?.at ?? 0)) turns.push({ at, phase, attempt: ofEvent });
  }
  const last = turns.at(-1);
  if (completedAt === undefined && state === "running.waiting" && last?.phase === "running") last.phase = "waiting";
  if (last !== undefined && last.phase === "running") last.attempt = Math.max(last.attempt, attempt);
  return turns.map(({ at, phase, attempt: ofTurn }, index) => ({
    phase,
    label: phase === "running" ? `attempt ${ofTurn}` : phase,
    from: at,
    to: Math.max(at, turns[index + 1]?.at ?? end),
  }));
}

function useNow(isLive: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isLive) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isLive]);
  return now;
}
