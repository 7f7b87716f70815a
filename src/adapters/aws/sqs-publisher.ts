import { toMessageText } from "../../model/queue-message.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { PublishReport, QueueMessage } from "../../ports/execution-queue.ts";
import type { SqsConnection, SqsEntry, SqsEntryReport } from "./sqs-connection.ts";
import { type SqsNames, sqsGroupId } from "./sqs-queue-names.ts";

/** SQS takes no more at once, in number and in all. */
const mostSent = 10;
export const mostBytes = 262_144;
export const longestDelayMs = 900_000;
/** Calls under way of one `publish`. */
const callsAtOnce = 8;

interface Publication {
  readonly index: number;
  readonly entry: SqsEntry;
  readonly bytes: number;
}

export interface SqsPublisherOptions {
  readonly connection: SqsConnection;
  readonly names: SqsNames;
  readonly fifo: boolean;
}

/** Publishes in batches; a batch that fails fails alone. */
export async function publishToSqs(
  { connection, names, fifo }: SqsPublisherOptions,
  messages: readonly QueueMessage[],
): Promise<readonly PublishReport[]> {
  const reports: PublishReport[] = messages.map(() => ({ published: false, reason: "tooLarge" }));
  const batches: { readonly queue: string; readonly publications: Publication[] }[] = [];
  for (const [queue, publications] of byQueue(messages, names, fifo)) {
    for (const batch of inBatches(publications)) batches.push({ queue, publications: batch });
  }
  const sendNext = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { queue, publications } = batch;
      const entries = publications.map(({ entry }) => entry);
      const answers = await connection.send(queue, entries).catch((error: unknown): readonly SqsEntryReport[] => {
        if (!(error instanceof StoreUnavailableError)) throw error;
        return entries.map(() => ({ done: false, refused: false, cause: error }));
      });
      for (const [place, { index }] of publications.entries()) reports[index] = toPublishReport(answers[place]);
    }
  };
  // The order of a group is that of the calls.
  await Promise.all(Array.from({ length: fifo ? 1 : Math.min(callsAtOnce, batches.length) }, sendNext));
  return reports;
}

function byQueue(messages: readonly QueueMessage[], names: SqsNames, fifo: boolean): ReadonlyMap<string, Publication[]> {
  const queues = new Map<string, Publication[]>();
  for (const [index, message] of messages.entries()) {
    const entry = toEntry(message, fifo);
    const bytes = Buffer.byteLength(entry.body);
    if (bytes > mostBytes) continue;
    const queue = names.queueOf(message.name);
    const publications = queues.get(queue) ?? [];
    publications.push({ index, entry, bytes });
    queues.set(queue, publications);
  }
  return queues;
}

function toEntry(message: QueueMessage, fifo: boolean): SqsEntry {
  // JSON allows what SQS does not, and halves of what its emulators do not; a text of JSON can do without.
  const body = toMessageText(message).replace(/[\uD800-\uDFFF\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
  // Another message about the same execution is none to be left out.
  if (fifo) return { body, groupId: sqsGroupId(message.group ?? message.executionId), deduplicationId: globalThis.crypto.randomUUID() };
  const { delayMs = 0 } = message;
  return { body, ...(delayMs > 0 && { delaySeconds: Math.ceil(Math.min(delayMs, longestDelayMs) / 1_000) }) };
}

function inBatches(publications: readonly Publication[]): Publication[][] {
  const batches: Publication[][] = [];
  let bytesLeft = 0;
  for (const publication of publications) {
    const last = batches.at(-1);
    if (last === undefined || last.length === mostSent || publication.bytes > bytesLeft) {
      batches.push([publication]);
      bytesLeft = mostBytes - publication.bytes;
    } else {
      last.push(publication);
      bytesLeft -= publication.bytes;
    }
  }
  return batches;
}

function toPublishReport(report: SqsEntryReport | undefined): PublishReport {
  if (report === undefined) return { published: false, reason: "unavailable" };
  if (report.done) return { published: true };
  // All else that SQS could refuse of a message is never sent; its queue may take less than SQS does.
  return { published: false, reason: report.refused ? "tooLarge" : "unavailable", cause: report.cause };
}
