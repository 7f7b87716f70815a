import { ExecutionList } from "./execution-list.tsx";
import { Gauges } from "./gauges.tsx";
import { ThroughputChart } from "./throughput-chart.tsx";

export function Overview() {
  return (
    <>
      <section class="overview" aria-label="Now">
        <Gauges />
        <ThroughputChart />
      </section>
      <ExecutionList />
    </>
  );
}
