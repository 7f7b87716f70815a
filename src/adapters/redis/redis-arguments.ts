/** A server takes texts of up to 512 MB by default; scripts are given some at a time. */
export const maxPayloadBytes = 64_000_000;

const maxCount = 2 ** 53 - 1;

/** Whether one of them cannot be stored. */
export function isTooLarge(...texts: readonly (string | undefined)[]): boolean {
  // No letter takes more than three bytes per unit of a string's length.
  return texts.some((text) => text !== undefined && text.length * 3 > maxPayloadBytes && Buffer.byteLength(text) > maxPayloadBytes);
}

/** Counts without a limit are ones that nothing reaches. */
export function countText(count: number | undefined): string {
  return count === undefined ? "" : String(Math.min(maxCount, Math.floor(count)));
}

/** Instants are whole. */
export function milliseconds(ms: number): string {
  return String(Math.min(maxCount, Math.ceil(ms)));
}

export function flag(isSet: boolean): string {
  return isSet ? "1" : "";
}

/** A text that may be empty, told from none. */
export function signed(text: string | undefined): string {
  return text === undefined ? "" : `=${text}`;
}
