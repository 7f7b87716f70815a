import { keepNewest, type RunContext } from "./run-context.ts";

/** What `summariseContext` gives while nothing was learned, noted or said. */
export const emptyContextSummary = "Nothing was noted in this run so far.";

type Notes = Pick<RunContext, "learnings" | "errorNotes" | "humanComments" | "reflections">;

/**
 * The newest notes of a run as text for a prompt: 3 learnings, 2 errors with what was done about them, 2 comments, 2 reflections,
 * each block with the number of all that are kept.
 */
export function summariseContext({ learnings, errorNotes, humanComments, reflections }: Notes): string {
  const blocks = [
    block("Learnings", learnings, 3, ({ summary }) => summary),
    block("Errors", errorNotes, 2, ({ message, resolution }) => (resolution === undefined ? message : `${message} → ${resolution}`)),
    block("Human comments", humanComments, 2, ({ text }) => text),
    block("Reflections", reflections, 2, ({ summary, suggestedAction }) =>
      suggestedAction === undefined ? summary : `${summary} → ${suggestedAction}`,
    ),
  ];
  const filled = blocks.filter((text) => text !== undefined);
  return filled.length === 0 ? emptyContextSummary : filled.join("\n\n");
}

function block<Note>(title: string, notes: readonly Note[], shown: number, toLine: (note: Note) => string): string | undefined {
  if (notes.length === 0) return undefined;
  return [`${title} (${notes.length}):`, ...keepNewest(notes, shown).map((note) => `- ${toLine(note)}`)].join("\n");
}
