import { format } from "node:util";

const consoleMethods = ["log", "info", "warn", "error", "debug", "trace", "table", "dir"] as const;

/** What tests of this process did that outlasts them; once per process, however many files it runs. */
export const traces = { printed: [] as string[], warnings: [] as Error[], timers: new Set<NodeJS.Timeout>() };

/** Timers that the test has set, which keep the process alive. */
export function timersLeft(): NodeJS.Timeout[] {
  return [...traces.timers].filter((timer) => !(timer as unknown as { _destroyed: boolean })._destroyed && timer.hasRef());
}

for (const method of consoleMethods) {
  console[method] = (...values: unknown[]) => {
    traces.printed.push(`console.${method}: ${format(...values)}`);
  };
}

process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") traces.warnings.push(warning);
});

// Vitest keeps its own references to the timers it uses, so only timers of the tests pass here.
rememberTimersOf("setTimeout");
rememberTimersOf("setInterval");

function rememberTimersOf(name: "setTimeout" | "setInterval"): void {
  const real = globalThis[name] as (...args: unknown[]) => NodeJS.Timeout;
  const remembering = (...args: unknown[]): NodeJS.Timeout => {
    const timer = real(...args);
    traces.timers.add(timer);
    return timer;
  };
  Object.defineProperties(remembering, Object.getOwnPropertyDescriptors(real));
  Object.assign(globalThis, { [name]: remembering });
}
