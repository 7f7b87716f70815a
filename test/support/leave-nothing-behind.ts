import { afterEach, beforeEach } from "vitest";
import { timersLeft, traces } from "./test-traces.ts";

/**
 * Runs around every test. A test fails when it printed to the console, caused a process warning,
 * or left a listener on the process or a real timer that keeps the process alive.
 */

let listenersBefore = new Map<string | symbol, number>();

beforeEach(() => {
  traces.printed = [];
  traces.warnings = [];
  traces.timers = new Set();
  listenersBefore = processListeners();
});

// Registered before the hooks of any test file, so it runs after all of them.
afterEach(async () => {
  await new Promise(setImmediate); // process warnings arrive on a later tick
  const problems = [
    ...traces.printed,
    ...traces.warnings.map(({ name, message }) => `process warning ${name}: ${message}`),
    ...[...processListeners()]
      .filter(([event, count]) => count > (listenersBefore.get(event) ?? 0))
      .map(([event]) => `a listener of process event "${String(event)}" is left`),
    ...timersLeft().map((timer) => `a timer is left: ${describeTimer(timer)}`),
  ];
  for (const timer of traces.timers) clearTimeout(timer);
  if (problems.length > 0) throw new Error(`a test leaves nothing behind and prints nothing, but:\n${problems.join("\n")}`);
});

function processListeners(): Map<string | symbol, number> {
  const events = process.eventNames() as NodeJS.Signals[];
  return new Map(events.map((event) => [event, process.listenerCount(event)]));
}

function describeTimer(timer: NodeJS.Timeout): string {
  const { _idleTimeout, _onTimeout } = timer as unknown as { _idleTimeout: number; _onTimeout: unknown };
  return `${_idleTimeout} ms, ${String(_onTimeout).slice(0, 80)}`;
}
