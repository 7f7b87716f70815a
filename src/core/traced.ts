import type { TraceContext, TracedStart, Tracing } from "../ports/tracing.ts";
import type { BeginAttempt, RunningAttempt } from "./running-attempt.ts";

type ReportError = (error: unknown) => void;

/** What an execution carries from its start. */
export function traceOf(tracing: Tracing | undefined, start: TracedStart, reportError: ReportError): TraceContext | undefined {
  try {
    return tracing?.started(start);
  } catch (error) {
    reportError(error);
    return undefined;
  }
}

/** Begins attempts within their traces, whatever becomes of the tracing. */
export function traced(begin: BeginAttempt, tracing: Tracing | undefined, reportError: ReportError): BeginAttempt {
  if (tracing === undefined) return begin;
  return (input, host) => {
    let begun: RunningAttempt | undefined;
    let failure: { readonly error: unknown } | undefined;
    const beginOnce = () => {
      try {
        begun = begin(input, host);
        return begun;
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
    const { executionId, attempt } = host;
    const { group, queuedAt, trace } = host.start;
    try {
      tracing.attempt({ executionId, group, attempt, queuedAt, at: host.now(), trace }, beginOnce);
    } catch (error) {
      if (failure === undefined) reportError(error);
    }
    if (failure !== undefined) throw failure.error;
    return begun ?? begin(input, host);
  };
}
