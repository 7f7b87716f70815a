/** How one attempt ended, told by the promise actor that ran it. */
export type AttemptOutcome =
  | { readonly type: "succeeded"; readonly at: number; readonly result: unknown }
  /** `retryDelayMs` is set when another attempt is due. */
  | { readonly type: "failed"; readonly at: number; readonly error: unknown; readonly retryDelayMs?: number }
  /** The orchestrator itself ended as cancelled, without having been asked to. */
  | { readonly type: "cancelled"; readonly at: number; readonly reason?: string };
