import type { JsonText } from "../model/json-text.ts";

/**
 * Names an input, so that the same idempotency key with another input is noticed. Equal inputs have equal hashes, whatever the order of
 * their fields. Written out because a start within a caller's transaction cannot wait for the platform's asynchronous one.
 */
export function inputHash(input: JsonText | undefined): string {
  const canonical = input === undefined ? "" : JSON.stringify(sorted(JSON.parse(input)));
  return sha256(new TextEncoder().encode(canonical));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  // Entries instead of an object: integer-like keys would be reordered.
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { "": entries.map(([key, item]) => [key, sorted(item)]) };
}

const { roundConstants, initialHash } = constants();

/** SHA-256 (FIPS 180-4), as hexadecimal digits. */
function sha256(message: Uint8Array): string {
  const padded = new Uint8Array(((message.length + 8) >> 6) * 64 + 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
  const hash = [...initialHash];
  const words = new Uint32Array(64);
  for (let offset = 0; offset < padded.length; offset += 64) compress(hash, words, view, offset);
  return hash.map((word) => word.toString(16).padStart(8, "0")).join("");
}

function compress(hash: number[], words: Uint32Array, view: DataView, offset: number): void {
  const word = (index: number) => words[index] as number;
  for (let index = 0; index < 16; index++) words[index] = view.getUint32(offset + index * 4);
  for (let index = 16; index < 64; index++) {
    const a = word(index - 15);
    const b = word(index - 2);
    const sigma0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
    const sigma1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
    words[index] = word(index - 16) + sigma0 + word(index - 7) + sigma1;
  }
  let [a, b, c, d, e, f, g, h] = hash as [number, number, number, number, number, number, number, number];
  for (let index = 0; index < 64; index++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + (roundConstants[index] as number) + word(index)) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  for (const [index, value] of [a, b, c, d, e, f, g, h].entries()) hash[index] = ((hash[index] as number) + value) >>> 0;
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The fractions of the cube and square roots of the first primes. */
function constants(): { roundConstants: number[]; initialHash: number[] } {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  const fraction = (root: number) => ((root - Math.floor(root)) * 2 ** 32) >>> 0;
  return {
    roundConstants: primes.map((prime) => fraction(Math.cbrt(prime))),
    initialHash: primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime))),
  };
}
