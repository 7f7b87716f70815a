/**
 * A generator of ids that a test can foresee: `execution-1`, `execution-2`, … Each call of `sequentialIds` counts for itself.
 *
 * @example
 * ```ts
 * const coordinator = createCoordinator({ orchestrator, generateId: sequentialIds("order-") });
 * await coordinator.start(input); // "order-1"
 * ```
 */
export function sequentialIds(prefix = "execution-"): () => string {
  let count = 0;
  return () => `${prefix}${++count}`;
}
