/** How failed attempts are repeated. */
export interface RetryPolicy {
  /** How many attempts may fail before the execution does; 1 = no retry. */
  maxAttempts?: number;
  backoff?: Backoff;
  /** Whether this error deserves another attempt; `attempt` is the one that failed. Default: every error but `NonRetryableError`. */
  retryIf?: (error: unknown, attempt: number) => boolean;
  /**
   * Where the next attempt of a machine or an autonomous run begins: anew, or where the failed one was saved last while it was active;
   * `restart`. A function finds in `scope.restored` what it saved, in any case.
   */
  onRetry?: "restart" | "resume";
}

/** Waiting time between attempts, growing by `factor` from `delayMs` to at most `maxDelayMs`. */
export interface Backoff {
  type: "exponential";
  /** Before the second attempt; 1 000. */
  delayMs?: number;
  /** 2. */
  factor?: number;
  /** 60 000. */
  maxDelayMs?: number;
  /** The share of the delay that is left to chance, 0 to 1: the delay is drawn from `[delay × (1 − jitter), delay]`; 0.5. */
  jitter?: number;
}

/**
 * Milliseconds to wait after the `failures`-th failed attempt (counted from 1).
 * With `jitter` 1 this is the "full jitter" of M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), with 0 no jitter at all.
 */
export function backoffDelayMs(backoff: Omit<Backoff, "type">, failures: number, random: () => number): number {
  const { delayMs = 1_000, factor = 2, maxDelayMs = 60_000, jitter = 0.5 } = backoff;
  const full = delayMs === 0 ? 0 : Math.min(maxDelayMs, delayMs * factor ** (failures - 1));
  const chance = random();
  return Math.round(full * (1 - jitter * (chance >= 0 && chance <= 1 ? chance : 0)));
}
