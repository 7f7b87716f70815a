import { createHash } from "node:crypto";
import type { DocumentKey } from "./document-table.ts";

/** The part that every execution, key and decision has. */
export const rowPart = "row";

const plain = /^[\w.-]{1,100}$/;

/** Any text as a part of a key: itself where services take it, else a hash of it. */
export function keyText(text: string): string {
  return plain.test(text) ? text : `~${createHash("sha256").update(text, "utf8").digest("base64url")}`;
}

export const spaceOf = (name: string): string => `c.${keyText(name)}`;
/** Where a table keeps what belongs to no coordinator. */
export const tableSpace = "table";

export const executionOwner = (id: string): string => `x.${keyText(id)}`;
export const executionKey = (id: string): DocumentKey => ({ owner: executionOwner(id), part: rowPart });
export const idempotencyKey = (key: string): DocumentKey => ({ owner: `k.${keyText(key)}`, part: rowPart });
export const batchKey = (batch: string): DocumentKey => ({ owner: `b.${batch}`, part: rowPart });
/** Facts about a coordinator as a whole. */
export const factKey = (fact: "machines" | "work" | "control" | "schema"): DocumentKey => ({ owner: "n", part: fact });

const digits = 16;

/** A number from 0 on as a text that sorts as it does; what lies between two whole numbers counts as the upper one. */
export function orderedNumber(value: number): string {
  return String(Math.max(0, Math.ceil(value))).padStart(digits, "0");
}

export const numberOf = (place: string): number => Number(place.slice(0, digits));

/** Any finite number as a text that sorts as it does. */
export function orderedRank(rank: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, rank === 0 ? 0 : rank);
  const bits = view.getBigUint64(0);
  const flipped = rank < 0 ? ~bits & 0xffff_ffff_ffff_ffffn : bits | 0x8000_0000_0000_0000n;
  return flipped.toString(16).padStart(16, "0");
}

export const readyGroup = (machineKey: string): string => `ready.${keyText(machineKey)}`;

interface ReadyPlace {
  readonly lane: number;
  readonly rank: number;
  readonly position: number;
  readonly readySince: number;
}

export function readyOrder({ lane, rank, position, readySince }: ReadyPlace): string {
  return `${lane}${orderedRank(rank)}${orderedNumber(position)}${orderedNumber(readySince)}`;
}

/** Since when an entry of a ready group has been claimable. */
export const readySinceOf = (place: string): number => Number(place.slice(1 + 16 + digits, 1 + 16 + digits * 2));
