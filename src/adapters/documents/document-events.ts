import { createHash } from "node:crypto";
import type { StoredEvent } from "../../ports/store-message.ts";
import type { RecordEvent } from "../records/record-space.ts";
import { orderedNumber } from "./document-keys.ts";
import { toPieces } from "./document-pieces.ts";
import type { Body, DocumentRecord } from "./document-record.ts";
import type { NewDocument } from "./document-table.ts";

/** Events that were written at once, as one document whose place is the number of the first. */
export interface EventPage {
  readonly last: number;
  readonly fence: number;
  readonly ordinal: number;
  readonly events: readonly { readonly sequence: number; readonly at: number; readonly body: Body }[];
}

export const maxEventsOfPage = 20;
const maxPageLength = 60_000;

/** Of this execution, not of one with the same id before it. */
const prefixOf = ({ startToken }: DocumentRecord): string =>
  `event.${createHash("sha256").update(startToken).digest("base64url").slice(0, 12)}.`;

export const eventPart = (record: DocumentRecord, sequence: number): string => `${prefixOf(record)}${orderedNumber(sequence)}`;

/** Documents for new events, and for what of them is too long to lie within. */
export function toEventPages(
  record: DocumentRecord,
  owner: string,
  events: readonly RecordEvent[],
  version: () => string,
): { pages: NewDocument[]; pieces: NewDocument[] } {
  const pages: NewDocument[] = [];
  const pieces: NewDocument[] = [];
  for (let from = 0; from < events.length; ) {
    const page: EventPage["events"][number][] = [];
    let length = 0;
    let last = events[from] as RecordEvent;
    for (const event of events.slice(from, from + maxEventsOfPage)) {
      const { body, documents } = toPieces(owner, version(), event.body, maxPageLength);
      length += typeof body === "string" ? body.length : 0;
      if (page.length > 0 && length > maxPageLength) break;
      pieces.push(...documents);
      page.push({ sequence: event.sequence, at: event.at, body });
      last = event;
    }
    const data: EventPage = { last: last.sequence, fence: last.fence, ordinal: last.ordinal, events: page };
    const part = eventPart(record, (events[from] as RecordEvent).sequence);
    pages.push({ owner, part, version: version(), data: JSON.stringify(data), places: {} });
    from += page.length;
  }
  return { pages, pieces };
}

/** Counts a page in that somebody wrote and did not live to count. */
export function countIn(record: DocumentRecord, { last, fence, ordinal }: EventPage): void {
  record.lastEvent = last;
  if (fence >= record.events.fence) record.events = { ...record.events, fence, ordinal };
}

export function isKept(record: DocumentRecord, { sequence }: Pick<StoredEvent, "sequence">): boolean {
  return sequence > record.events.dropped && sequence <= record.lastEvent;
}
