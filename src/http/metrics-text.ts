import type { CoordinatorStats } from "../core/coordinator-stats.ts";
import { type ExecutionCounts, executionStatuses } from "../model/execution.ts";

/** The text format of Prometheus, version 0.0.4. */
export function toMetricsText(stats: CoordinatorStats, counts: ExecutionCounts, eventClients: number): string {
  const gauges: [name: string, help: string, values: [labels: string, value: number][]][] = [
    ["executions", "Records by status, of all processes.", executionStatuses.map((status) => [`{status="${status}"}`, counts[status]])],
    ["max_concurrent", "How many executions may hold a slot in this process.", [["", stats.maxConcurrent]]],
    ["slots_taken", "Executions of this process that hold a slot.", [["", stats.slotsTaken]]],
    ["waiting", "Executions of this process that wait for a signal without a slot.", [["", stats.waiting]]],
    ["accepting", "1 while this process takes new work.", [["", stats.mode === "accepting" ? 1 : 0]]],
    ["event_clients", "Event streams that are open.", [["", eventClients]]],
    ...(stats.unclaimable === undefined
      ? []
      : [
          ["unclaimable", "Queued executions that this process cannot run.", [["", stats.unclaimable]]] satisfies [
            string,
            string,
            [string, number][],
          ],
        ]),
  ];
  const lines = gauges.flatMap(([name, help, values]) => metric(name, "gauge", help, values));
  const abandoned = metric("abandoned_total", "counter", "Executions that had not settled after their grace period.", [
    ["", stats.abandoned],
  ]);
  return `${[...lines, ...abandoned].join("\n")}\n`;
}

function metric(name: string, type: "gauge" | "counter", help: string, values: readonly [string, number][]): string[] {
  const full = `actorfleet_${name}`;
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...values.map(([labels, value]) => `${full}${labels} ${value}`)];
}
