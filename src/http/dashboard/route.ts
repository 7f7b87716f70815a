import { signal } from "@preact/signals";

/** What the address asks to see, kept behind its `#` so that any server can serve the page. */
export interface Route {
  /** Undefined: the overview. */
  readonly executionId: string | undefined;
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => {
  route.value = read();
});

export function addressOf(executionId: string): string {
  return `#/executions/${encodeURIComponent(executionId)}`;
}

function read(): Route {
  const [, id] = /^#\/executions\/(.+)$/.exec(location.hash) ?? [];
  return { executionId: id === undefined ? undefined : decodeURIComponent(id) };
}
