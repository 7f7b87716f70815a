const encoder = new TextEncoder();

/** One block of an event stream. `data` is one line, as JSON is. */
export function sseBlock({ id, type, data }: { id?: string; type: string; data: string }): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`);
}

/** A line that readers pass over. */
export function sseComment(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`: ${text}\n\n`);
}

/** From where a reader would go on, and after how long. */
export function sseOpening(id: string, retryMs: number): Uint8Array<ArrayBuffer> {
  return encoder.encode(`retry: ${retryMs}\nid: ${id}\n\n`);
}
