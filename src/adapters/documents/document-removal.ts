import { DocumentDecisions } from "./document-decisions.ts";
import { orderedNumber, rowPart, spaceOf } from "./document-keys.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";
import { inParallel } from "./in-parallel.ts";

const partsPerLook = 200;
/** Above all that is a part. */
const lastPart = "~";

/** Removes final records that ended before an instant, oldest first; the record goes last, so that what stays behind is found again. */
export async function removeRecords(rows: DocumentRows, name: string, instant: number, limit: number, atOnce: number): Promise<number> {
  const { table } = rows;
  const space = spaceOf(name);
  const places = await table.find(space, { index: "work", group: "final", before: orderedNumber(instant), limit });
  const owners = places.map(({ owner }) => owner);
  const loaded = (await rows.loadOwners(name, owners, "bare")).filter((each) => each !== undefined);
  const removed = await inParallel(loaded, atOnce, async (each) => {
    for (let tries = 1, current: LoadedRecord | undefined = each; ; tries++) {
      if (current === undefined) return 0;
      const { record, document }: LoadedRecord = current;
      if (record.phase !== "final" || record.completedAt === null || record.completedAt >= instant) return 0;
      await dropParts(rows, name, document.owner);
      if (record.idempotencyKey !== null) await new DocumentDecisions(rows).freeKey(name, record.idempotencyKey, record);
      if (await table.remove(space, document)) return 1;
      await rows.pause(tries, `execution ${JSON.stringify(record.id)}`);
      current = (await rows.load(name, [record.id], "bare"))[0];
    }
  });
  return removed.reduce<number>((sum, count) => sum + count, 0);
}

async function dropParts(rows: DocumentRows, name: string, owner: string): Promise<void> {
  for (;;) {
    const parts = await rows.table.parts(spaceOf(name), owner, "", lastPart, partsPerLook);
    const others = parts.filter(({ part }) => part !== rowPart);
    await rows.table.drop(spaceOf(name), others);
    if (parts.length < partsPerLook) return;
  }
}
