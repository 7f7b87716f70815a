import { batch, signal } from "@preact/signals";
import type { ExecutionEvent } from "../../model/execution-event.ts";
import { ApiProblem, apiUrl, getStats, type Stats } from "./api.ts";

/** Facts as they come from the event stream, and counts as they are asked for; one source for all views. */

const keptEvents = 2_000;
const pollMs = 1_000;
const retryMs = 2_000;
const shownSeconds = 120;

/** What became of executions in one second. */
export interface Second {
  readonly at: number;
  completed: number;
  failed: number;
  cancelled: number;
}

export const stats = signal<Stats | undefined>(undefined);
export const connection = signal<"connecting" | "live" | "lost" | "refused">("connecting");
/** The last two minutes, oldest first. */
export const throughput = signal<readonly Second[]>([]);
/** The newest events, oldest first; a new array whenever there are new ones. */
export const recentEvents = signal<readonly ExecutionEvent[]>([]);

let gathered: ExecutionEvent[] = [];
let isFrameDue = false;
let seconds: Second[] = [];
const listeners = new Set<(events: readonly ExecutionEvent[]) => void>();

/** Hears of events once per frame, however many there are. */
export function onEvents(listener: (events: readonly ExecutionEvent[]) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function goLive(): void {
  follow();
  void poll();
  setInterval(() => void poll(), pollMs);
  document.addEventListener("visibilitychange", () => void poll());
}

/** The browser connects again by itself and says what it has seen; only after an answer that was no stream it gives up. */
function follow(): void {
  const source = new EventSource(apiUrl("events"));
  source.onopen = () => {
    connection.value = "live";
  };
  source.onerror = () => {
    connection.value = "lost";
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, retryMs);
  };
  for (const type of eventTypes) source.addEventListener(type, (message) => gather(message as MessageEvent<string>));
}

const eventTypes = ["queued", "started", "progressed", "reported", "waiting", "continued", "signalled", "cancelling"]
  .concat("timingOut", "retrying", "completed", "failed", "cancelled", "removed")
  .map((fact) => `execution.${fact}`);

function gather({ data }: MessageEvent<string>): void {
  const event = JSON.parse(data) as ExecutionEvent;
  gathered.push(event);
  const fact = event.type.slice("execution.".length);
  if (fact === "completed" || fact === "failed" || fact === "cancelled") secondOf(Date.now())[fact] += 1;
  if (isFrameDue) return;
  isFrameDue = true;
  // A hidden page gets no frames, and needs none.
  requestAnimationFrame(deliver);
}

function deliver(): void {
  isFrameDue = false;
  const events = gathered;
  gathered = [];
  batch(() => {
    recentEvents.value = [...recentEvents.value, ...events].slice(-keptEvents);
    for (const listener of listeners) listener(events);
  });
}

async function poll(): Promise<void> {
  if (document.hidden) return;
  try {
    const answer = await getStats();
    const before = stats.value;
    // Of executions that end in other processes no event comes here; the counts tell of them.
    if (before !== undefined) noteDifferences(before, answer);
    stats.value = answer;
  } catch (error) {
    if (error instanceof ApiProblem && (error.status === 401 || error.status === 403)) connection.value = "refused";
  }
  secondOf(Date.now());
  throughput.value = [...seconds];
}

function noteDifferences(before: Stats, now: Stats): void {
  const second = secondOf(Date.now() - pollMs);
  for (const end of ["completed", "failed", "cancelled"] as const) {
    second[end] = Math.max(second[end], Math.max(0, now.records[end] - before.records[end]) - secondOf(Date.now())[end]);
  }
}

function secondOf(now: number): Second {
  const at = Math.floor(now / 1_000);
  for (let next = (seconds.at(-1)?.at ?? at - 1) + 1; next <= at; next += 1) {
    seconds.push({ at: next, completed: 0, failed: 0, cancelled: 0 });
  }
  if (seconds.length > shownSeconds) seconds = seconds.slice(-shownSeconds);
  return seconds.find((second) => second.at === at) ?? (seconds[0] as Second);
}
