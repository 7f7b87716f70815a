import { createNoOperationCoordinator } from "./contenders/actorfleet.ts";
import type { Part } from "./report.ts";
import { measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const sizes = [1_000, 100_000];
const lookups = 100_000;
const pages = 1_000;
const pageSize = 100;

type Fleet = Awaited<ReturnType<typeof openFleet>>;

/** `getStatus` of a record, and a page of 100 with one status, among few records and among many. */
export async function measureQueries({ rounds }: { rounds: number }): Promise<Part> {
  const fleets = await Promise.all(sizes.map(openFleet));
  const measurements = fleets.flatMap((fleet) => [
    { name: `getStatus of 1 000, ${fleet.size}`, sample: async () => lookUp(fleet, 1_000) },
    { name: `getStatus of all, ${fleet.size}`, sample: async () => lookUp(fleet, fleet.size) },
    { name: `list completed, ${fleet.size}`, sample: async () => readPages(fleet, "completed") },
    { name: `list queued, ${fleet.size}`, sample: async () => readPages(fleet, "queued") },
  ]);
  const figures = await measureInRounds("queries", measurements, rounds);
  for (const { coordinator } of fleets) await coordinator.close({ mode: "cancel" });
  const cost = (query: string, size: number | undefined) => figures.find(({ name }) => name === `${query}, ${size}`)?.median ?? Number.NaN;
  const queries = ["getStatus of 1 000", "getStatus of all", "list completed", "list queued"];
  return {
    title: "µs per query; half of the records completed, half queued; a page has 100",
    table: toTable(
      ["", ...sizes.map((size) => `${size.toLocaleString("en")} records`)],
      queries.map((query) => [query, ...sizes.map((size) => toFigure(cost(query, size)))]),
    ),
    figures: { figures },
    // All of many records do not fit into the processor's caches; what a query itself costs shows in the others.
    targets: queries
      .filter((query) => query !== "getStatus of all")
      .map((query) => ({
        promise: `${query} among 100 000 against 1 000`,
        value: cost(query, sizes[1]) / cost(query, sizes[0]),
        // A hundred times the records: anything that grows with them is far above.
        atMost: 2,
      })),
  };
}

async function openFleet(size: number) {
  const coordinator = createNoOperationCoordinator({ retention: { maxCount: Number.POSITIVE_INFINITY } });
  const ids: string[] = [];
  for (let input = 0; input < size / 2; input += 1) ids.push(await coordinator.start(input));
  await coordinator.drain();
  coordinator.pause();
  for (let input = size / 2; input < size; input += 1) ids.push(await coordinator.start(input));
  return { size, coordinator, ids };
}

/** So many of the records, evenly spread, in a fixed order that jumps about, again and again. */
function lookUp({ coordinator, ids }: Fleet, distinct: number): number {
  const step = Math.floor(ids.length / distinct);
  let found = 0;
  const startedAt = performance.now();
  for (let lookup = 0; lookup < lookups; lookup += 1) {
    if (coordinator.getStatus(ids[((lookup * 7_919) % distinct) * step] as string) !== undefined) found += 1;
  }
  const tookMs = performance.now() - startedAt;
  if (found !== lookups) throw new Error(`${found} of ${lookups} records were found`);
  return (tookMs * 1_000) / lookups;
}

/** Page after page; after the last, from the first again. */
function readPages({ coordinator }: Fleet, status: "completed" | "queued"): number {
  let items = 0;
  let cursor: string | undefined;
  const startedAt = performance.now();
  for (let page = 0; page < pages; page += 1) {
    const read = coordinator.list({ status, limit: pageSize, ...(cursor !== undefined && { cursor }) });
    items += read.items.length;
    cursor = read.nextCursor;
  }
  const tookMs = performance.now() - startedAt;
  if (items !== pages * pageSize) throw new Error(`${items} records on ${pages} pages`);
  return (tookMs * 1_000) / pages;
}
