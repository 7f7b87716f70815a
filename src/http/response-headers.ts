/** Nothing that is answered may be taken for something else, framed, or loaded by a page of another site. */
const common = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

const ofData = { "cache-control": "no-store", "content-security-policy": "default-src 'none'; frame-ancestors 'none'" } as const;

/** A response of ours, or of `authorize`, with the headers that all have; what it says itself stays. */
export function secured(response: Response): Response {
  // Headers of a response that was fetched, or made by `Response.redirect`, cannot be changed.
  const open = new Response(response.body, response);
  for (const [name, value] of Object.entries({ ...common, ...ofData })) {
    if (!open.headers.has(name)) open.headers.set(name, value);
  }
  return open;
}
