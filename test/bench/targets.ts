import { toFigure, toTable } from "./table.ts";

/** What must hold, as a figure and the most it may be; for a factor of speed the least. */
export interface Target {
  readonly promise: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export function toTargetTable(targets: readonly Target[]): string {
  return toTable(["promise", "figure", "bound", ""], targets.map(toRow));
}

/** With whether it holds. */
export function toVerdict(target: Target): Target & { holds: boolean } {
  const { value, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target;
  return { ...target, holds: value <= atMost && value >= atLeast };
}

function toRow(target: Target): string[] {
  const bound = target.atMost === undefined ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
  return [target.promise, toFigure(target.value), bound, toVerdict(target).holds ? "holds" : "MISSED"];
}
