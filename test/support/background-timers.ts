import { afterEach, beforeEach } from "vitest";

/**
 * Timers that code of these packages starts do not count as left behind by a test, nor keep the process alive: clients that wait for a minute
 * for answers that were lost with their connection, and cannot be told otherwise.
 */
export function timersInBackground(...packages: readonly string[]): void {
  let restore = () => {};
  beforeEach(() => {
    const real = globalThis.setTimeout;
    restore = () => {
      globalThis.setTimeout = real;
    };
    const unreferencing = (...args: Parameters<typeof setTimeout>) => {
      const timer = real(...args);
      const from = new Error("where from").stack?.split("\n").at(2) ?? "";
      return packages.some((name) => from.includes(`/node_modules/${name}/`)) ? timer.unref() : timer;
    };
    globalThis.setTimeout = Object.defineProperties(unreferencing, Object.getOwnPropertyDescriptors(real)) as never;
  });
  afterEach(() => restore());
}
