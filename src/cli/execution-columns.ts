import type { ExecutionInfo } from "../model/execution.ts";
import { detailText, durationText, stateStyle, stateText } from "./shown-value.ts";
import type { TextColumn } from "./text-table.ts";

/** How lists show executions. `now` is for the age of what has not begun. */
export function executionColumns(now: number): TextColumn<ExecutionInfo>[] {
  return [
    { title: "ID", cell: ({ id }) => id, least: 12 },
    { title: "STATE", cell: ({ state }) => stateText(state), style: ({ state }) => stateStyle(state) },
    { title: "TRY", cell: tryText, align: "right", leaveOut: 2 },
    { title: "GROUP", cell: ({ group = "" }) => group, least: 6, leaveOut: 3 },
    { title: "AGE", cell: ({ queuedAt }) => durationText(now - queuedAt), align: "right", leaveOut: 1 },
    { title: "TIME", cell: ({ startedAt, durationMs }) => (startedAt === undefined ? "" : durationText(durationMs)), align: "right" },
    {
      title: "DETAIL",
      cell: detailText,
      least: 8,
      most: 120,
      leaveOut: 4,
      style: ({ error }) => (error === undefined ? undefined : "red"),
    },
  ];
}

/** The attempt, and how many there may be where it is more than one. */
function tryText({ attempt, maxAttempts }: ExecutionInfo): string {
  if (attempt === 0) return "";
  return maxAttempts > 1 ? `${attempt}/${maxAttempts}` : String(attempt);
}
