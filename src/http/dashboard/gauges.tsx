import { toCount } from "./format.ts";
import { stats } from "./live.ts";

const shownCounts = ["queued", "running", "completed", "failed", "cancelled"] as const;

export function Gauges() {
  const now = stats.value;
  const { slotsTaken = 0, maxConcurrent = 0, waiting = 0, abandoned = 0, unclaimable = 0 } = now?.process ?? {};
  return (
    <div class="gauges">
      <div class="gauge slots">
        <span class="name">slots taken here</span>
        <strong>
          {toCount(slotsTaken)} <small>of {toCount(maxConcurrent)}</small>
        </strong>
        <meter min={0} max={Math.max(1, maxConcurrent)} value={slotsTaken} aria-label="slots taken" />
      </div>
      {shownCounts.map((status) => (
        <div class="gauge" key={status} data-status={status}>
          <span class="name">{status}</span>
          <strong>{now === undefined ? "–" : toCount(now.records[status])}</strong>
        </div>
      ))}
      <Extra name="waiting" count={waiting} meaning="running, but waiting for a signal, without a slot" />
      <Extra name="abandoned" count={abandoned} meaning="ended while their orchestrator had not settled" />
      <Extra name="unclaimable" count={unclaimable} meaning="queued, but no machine of this process can run them" />
    </div>
  );
}

/** Shown only where there are some. */
function Extra({ name, count, meaning }: { name: string; count: number; meaning: string }) {
  if (count === 0) return null;
  return (
    <div class="gauge" title={meaning}>
      <span class="name">{name}</span>
      <strong>{toCount(count)}</strong>
    </div>
  );
}
