import { toCount } from "./format.ts";
import { type Second, throughput } from "./live.ts";

const width = 480;
const height = 96;
const columns = 120;

/** Ends per second over the last two minutes, stacked. */
export function ThroughputChart() {
  const seconds = throughput.value.slice(-columns);
  const highest = Math.max(1, ...seconds.map(total));
  const column = width / columns;
  const settled = seconds.slice(-11, -1);
  const perSecond = settled.length === 0 ? 0 : settled.reduce((sum, second) => sum + total(second), 0) / settled.length;
  const shown = perSecond < 10 ? perSecond.toFixed(1) : toCount(Math.round(perSecond));
  return (
    <figure class="throughput">
      <figcaption>
        ended per second <strong>{shown}</strong> <small>over the last ten seconds; highest {toCount(highest)}</small>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${shown} executions ended per second`}>
        <line class="base" x1="0" y1={height} x2={width} y2={height} />
        {seconds.map((second, index) => {
          const x = width - (seconds.length - index) * column;
          let y = height;
          return (["completed", "failed", "cancelled"] as const).map((end) => {
            const tall = (second[end] / highest) * (height - 4);
            y -= tall;
            return tall > 0 && <rect key={`${second.at}${end}`} data-status={end} x={x} y={y} width={column * 0.8} height={tall} />;
          });
        })}
      </svg>
    </figure>
  );
}

function total({ completed, failed, cancelled }: Second): number {
  return completed + failed + cancelled;
}
