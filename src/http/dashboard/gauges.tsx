import { toCount } from "./format.ts";
import { stats } from "./live.ts";

const shownCounts = ["queued", "running", "completed", "failed", "cancelled"] as const;

export function Gauges() {
  const now = stats.value;
  const { slotsTaken = 0, maxConcurrent = 0, waiting = 0, abandoned = 0, unclaimable = 0 } = now?.process ?? {};
  const beside = [
    { count: waiting, name: "waiting", meaning: "running, but waiting for a signal, without a slot" },
    { count: abandoned, name: "abandoned", meaning: "ended while their orchestrators had not settled" },
    { count: unclaimable, name: "unclaimable", meaning: "queued, but no machine of this process can run them" },
  ].filter(({ count }) => count > 0);
  return (
    <div class="gauges">
      <div class="gauge slots">
        <span class="name">slots taken here</span>
        <strong>
          {toCount(slotsTaken)} <small>of {toCount(maxConcurrent)}</small>
        </strong>
        <meter min={0} max={Math.max(1, maxConcurrent)} value={slotsTaken} aria-label="slots taken" />
        {beside.map(({ count, name, meaning }) => (
          <small key={name} title={meaning}>
            {toCount(count)} {name}
          </small>
        ))}
      </div>
      {shownCounts.map((status) => (
        <div class="gauge" key={status} data-status={status}>
          <span class="name">{status}</span>
          <strong>{now === undefined ? "–" : toCount(now.records[status])}</strong>
        </div>
      ))}
    </div>
  );
}
