import { format } from "node:util";
import { afterEach, beforeEach } from "vitest";

/**
 * Runs around every test. A test fails when it printed to the console, caused a process warning,
 * or left a listener on the process or a real timer that keeps the process alive.
 */

const consoleMethods = ["log", "info", "warn", "error", "debug", "trace", "table", "dir"] as const;

let printed: string[] = [];
let warnings: Error[] = [];
let listenersBefore = new Map<string | symbol, number>();
let timers = new Set<NodeJS.Timeout>();

for (const method of consoleMethods) {
  console[method] = (...values: unknown[]) => {
    printed.push(`console.${method}: ${format(...values)}`);
  };
}

process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") warnings.push(warning);
});

// Vitest keeps its own references to the timers it uses, so only timers of the tests pass here.
rememberTimersOf("setTimeout");
rememberTimersOf("setInterval");

beforeEach(() => {
  printed = [];
  warnings = [];
  timers = new Set();
  listenersBefore = processListeners();
});

// Registered before the hooks of any test file, so it runs after all of them.
afterEach(async () => {
  await new Promise(setImmediate); // process warnings arrive on a later tick
  const problems = [
    ...printed,
    ...warnings.map(({ name, message }) => `process warning ${name}: ${message}`),
    ...[...processListeners()]
      .filter(([event, count]) => count > (listenersBefore.get(event) ?? 0))
      .map(([event]) => `a listener of process event "${String(event)}" is left`),
    ...[...timers].filter(keepsProcessAlive).map((timer) => `a timer is left: ${describeTimer(timer)}`),
  ];
  for (const timer of timers) clearTimeout(timer);
  if (problems.length > 0) throw new Error(`a test leaves nothing behind and prints nothing, but:\n${problems.join("\n")}`);
});

function processListeners(): Map<string | symbol, number> {
  const events = process.eventNames() as NodeJS.Signals[];
  return new Map(events.map((event) => [event, process.listenerCount(event)]));
}

function rememberTimersOf(name: "setTimeout" | "setInterval"): void {
  const real = globalThis[name] as (...args: unknown[]) => NodeJS.Timeout;
  const remembering = (...args: unknown[]): NodeJS.Timeout => {
    const timer = real(...args);
    timers.add(timer);
    return timer;
  };
  Object.defineProperties(remembering, Object.getOwnPropertyDescriptors(real));
  Object.assign(globalThis, { [name]: remembering });
}

function keepsProcessAlive(timer: NodeJS.Timeout): boolean {
  return !(timer as unknown as { _destroyed: boolean })._destroyed && timer.hasRef();
}

function describeTimer(timer: NodeJS.Timeout): string {
  const { _idleTimeout, _onTimeout } = timer as unknown as { _idleTimeout: number; _onTimeout: unknown };
  return `${_idleTimeout} ms, ${String(_onTimeout).slice(0, 80)}`;
}
