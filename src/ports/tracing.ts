/** Headers by which a trace goes from one process to another: `traceparent`, and what its format has beside it. */
export type TraceContext = Readonly<Record<string, string>>;

/** A start that is in order and about to be accepted. */
export interface TracedStart {
  readonly executionId: string;
  readonly group: string | undefined;
}

/** An attempt that is about to begin. */
export interface TracedAttempt extends TracedStart {
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly queuedAt: number;
  readonly at: number;
  /** What `started` gave, perhaps in another process. */
  readonly trace: TraceContext | undefined;
}

/** Follows executions through processes. What it throws goes to `onError` and changes nothing. */
export interface Tracing {
  /** Gives what travels with the execution, through the store, to its attempts. */
  started(start: TracedStart): TraceContext | undefined;
  /** Calls `begin` once, with whatever should be around the orchestrator; `result` settles when the orchestrator does. */
  attempt(attempt: TracedAttempt, begin: () => { readonly result: Promise<unknown> }): void;
}
