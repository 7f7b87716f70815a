/** Time as the library sees it. `actorfleet/testing` has one that stands still until it is told to move. */
export interface Clock {
  /** Epoch milliseconds; may jump when somebody sets the machine's clock. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back and never jumps. */
  monotonicNow(): number;
  /** Calls `run` once, `delayMs` from now or a little later. A `background` timer does not keep the process alive. */
  setTimeout(run: () => void, delayMs: number, background?: boolean): unknown;
  /** Calls `run` soon, after what else the event loop has to do. Absent where no time may pass by itself; then a microtask has to do. */
  setImmediate?(run: () => void): void;
  /** The call of that timer will not happen; unknown and past timers are ignored. */
  clearTimeout(timer: unknown): void;
}
