import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { isFinalStatus } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { type ApiRequest, type ApiRoute, apiRoute } from "./api-route.ts";
import { infoOf, shownExecution } from "./execution-routes.ts";
import { toEventJson } from "./shown-execution.ts";
import { sseBlock } from "./sse-block.ts";

const eventStream = "text/event-stream";
/** Ids of stored events: `past-` and their sequence. */
const pastId = /^past-(\d{1,9})$/;
/** So many stored events are read at once. */
const pageSize = 1_000;
const lastEventIdHeader = { "Last-Event-ID": "the id of the last event that was read; what came after it follows, or is told as missed" };

/** Event streams: of everything, and of one execution. */
export const eventRoutes: readonly ApiRoute[] = [
  apiRoute({
    method: "GET",
    path: "/events",
    name: "followEvents",
    summary: "Events of all executions, as they happen. `events.missed` tells where some are lacking.",
    headers: lastEventIdHeader,
    responses: { 200: { description: "a stream without end", contentType: eventStream } },
    problems: [503],
    handle: ({ context: { hub }, request }) => {
      if (request.method === "HEAD") return streamResponse(null);
      const { client, opening } = hub.connect(undefined, lastEventId(request));
      leaveOnAbort(request, client);
      client.open(concat(opening));
      return streamResponse(client.stream);
    },
  }),
  apiRoute({
    method: "GET",
    path: "/executions/{id}/events",
    name: "followExecution",
    summary: "What its store knows of its past, the execution as it is, as `execution.snapshot`, then its events; ends with it.",
    headers: lastEventIdHeader,
    responses: {
      200: { description: "a stream until the execution ends", contentType: eventStream },
      204: { description: "it has ended, and this reader has seen that: do not come back", contentType: "" },
    },
    problems: [404, 503],
    handle: followExecution,
  }),
];

async function followExecution({ context: { coordinator, hub }, id, request }: ApiRequest<unknown, unknown>): Promise<Response> {
  const { status } = await infoOf(coordinator, id);
  if (request.method === "HEAD") return streamResponse(null);
  const lastId = lastEventId(request);
  const [, seenOfPast] = pastId.exec(lastId ?? "") ?? [];
  if (isFinalStatus(status) && lastId !== undefined && hub.hasSeenAll(id, lastId)) return new Response(null, { status: 204 });
  // Before the record is read: what happens after that is among the events.
  const { client, opening, goesOn } = hub.connect(id, seenOfPast === undefined ? lastId : undefined);
  try {
    leaveOnAbort(request, client);
    const past = goesOn ? [] : await pastOf(coordinator, id, Number(seenOfPast ?? 0));
    const execution = await shownExecution(coordinator, id);
    const snapshot = sseBlock({ type: "execution.snapshot", data: `{"type":"execution.snapshot","execution":${execution}}` });
    const [start, ...missed] = opening as [Uint8Array, ...Uint8Array[]];
    // Whoever is cut off within the past goes on there; after it, the id of the place in the events of this process counts.
    client.open(concat([...missed, ...past.map(toPastBlock), start, snapshot]), isOneOf(past));
    if (isFinalStatus((JSON.parse(execution) as { status: "completed" }).status)) client.finish();
    return streamResponse(client.stream);
  } catch (error) {
    client.end();
    throw error;
  }
}

async function pastOf(coordinator: AnyCoordinator, id: string, after: number): Promise<ExecutionEvent[]> {
  const past: ExecutionEvent[] = [];
  for (;;) {
    const page = await coordinator.history?.(id, { after: past.at(-1)?.sequence ?? after, limit: pageSize });
    past.push(...(page ?? []));
    if (page === undefined || page.length < pageSize) return past;
  }
}

function toPastBlock(event: ExecutionEvent): Uint8Array {
  return sseBlock({ id: `past-${event.sequence}`, type: event.type, data: toEventJson(event) });
}

/** Whether a block tells what is stored, too: what happens while the past is read is in both. */
function isOneOf(past: readonly ExecutionEvent[]): ((block: Uint8Array) => boolean) | undefined {
  const newest = past.at(-1)?.at;
  if (newest === undefined) return undefined;
  const known = new Set(past.map(identityOf));
  let isOver = false;
  return (block) => {
    if (isOver) return false;
    const event = JSON.parse(new TextDecoder().decode(block).split("\ndata: ")[1] ?? "{}") as ExecutionEvent;
    isOver = event.at > newest;
    // Of progress that came within a moment, only the newest is stored.
    return !isOver && (known.has(identityOf(event)) || event.type === "execution.progressed");
  };
}

/** An execution does not do the same twice within a millisecond, or nobody can tell. */
function identityOf({ type, at, attempt }: ExecutionEvent): string {
  return `${type} ${at} ${attempt}`;
}

function leaveOnAbort({ signal }: Request, client: { end(): void }): void {
  if (signal.aborted) client.end();
  else signal.addEventListener("abort", () => client.end(), { once: true });
}

function lastEventId({ headers }: Request): string | undefined {
  return headers.get("last-event-id") || undefined;
}

function streamResponse(stream: ReadableStream<Uint8Array<ArrayBuffer>> | null): Response {
  // A proxy that gathers what it gets would hold events back.
  return new Response(stream, { headers: { "content-type": eventStream, "x-accel-buffering": "no" } });
}

function concat(blocks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(blocks.reduce((length, block) => length + block.byteLength, 0));
  let offset = 0;
  for (const block of blocks) {
    all.set(block, offset);
    offset += block.byteLength;
  }
  return all;
}
