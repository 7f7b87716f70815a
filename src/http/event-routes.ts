import { isFinalStatus } from "../model/execution.ts";
import { type ApiRequest, type ApiRoute, apiRoute } from "./api-route.ts";
import { infoOf, shownExecution } from "./execution-routes.ts";
import { sseBlock } from "./sse-block.ts";

const eventStream = "text/event-stream";
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
    summary: "The execution as it is, as `execution.snapshot`, then its events; ends with it.",
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
  if (isFinalStatus(status) && lastId !== undefined && hub.hasSeenAll(id, lastId)) return new Response(null, { status: 204 });
  // Before the record is read: what happens after that is among the events.
  const { client, opening } = hub.connect(id, lastId);
  try {
    leaveOnAbort(request, client);
    const execution = await shownExecution(coordinator, id);
    const snapshot = sseBlock({ type: "execution.snapshot", data: `{"type":"execution.snapshot","execution":${execution}}` });
    client.open(concat([...opening, snapshot]));
    if (isFinalStatus((JSON.parse(execution) as { status: "completed" }).status)) client.finish();
    return streamResponse(client.stream);
  } catch (error) {
    client.end();
    throw error;
  }
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
