import type { Body, PieceRef } from "./document-record.ts";
import type { DocumentKey, NewDocument } from "./document-table.ts";

/** Of a long text: three bytes each at most, and an item of DynamoDB has 400 KB. */
const pieceLength = 100_000;

export const pieceKey = (owner: string, ref: string, index: number): DocumentKey => ({
  owner,
  part: `piece.${ref}.${String(index).padStart(5, "0")}`,
});

export function pieceKeys(owner: string, { ref, pieces }: PieceRef): DocumentKey[] {
  return Array.from({ length: pieces }, (_, index) => pieceKey(owner, ref, index));
}

/** Cuts a text into documents; none when it is short enough to stay where it is. */
export function toPieces(owner: string, ref: string, text: string, inlineLength: number): { body: Body; documents: NewDocument[] } {
  if (text.length <= inlineLength) return { body: text, documents: [] };
  const documents: NewDocument[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + pieceLength);
    // The two halves of a character stay together: apart, neither is one.
    if (to < text.length && (text.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
    documents.push({ ...pieceKey(owner, ref, documents.length), version: ref, data: text.slice(from, to), places: {} });
    from = to;
  }
  return { body: { ref, pieces: documents.length }, documents };
}
