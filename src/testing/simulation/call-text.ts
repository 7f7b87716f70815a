import type { ClaimReport, ClaimRequest, SweepReport } from "../../ports/store-claim.ts";
import type { StoreCall } from "./simulated-store.ts";

type Item = Readonly<Record<string, unknown>>;

/** Where the requests of a method have their items. */
const itemsOf: Readonly<Record<string, string>> = {
  insert: "executions",
  renew: "leases",
  changeSlots: "entries",
  checkpoint: "entries",
  settle: "settlements",
  park: "entries",
  requestCancel: "cancels",
  appendSignals: "signals",
};

/** A call in a few words. */
export function callText({ method, parameters }: StoreCall): string {
  const request = parameters[0] as Item;
  const items = itemsOf[method];
  if (items !== undefined) return `${method} ${(request[items] as readonly Item[]).map(itemText).join(", ")}`;
  if (method === "claim") return claimText(request as unknown as ClaimRequest);
  if (method === "get") return `get ${(parameters[1] as readonly string[]).join(", ")}`;
  if (method === "readSignals") return `readSignals ${request.id} after ${request.afterSequence ?? 0}`;
  return method;
}

/** Its answer in a few words. */
export function answerText({ method }: StoreCall, answer: unknown): string {
  if (method === "claim") {
    const { executions } = answer as ClaimReport;
    return executions.length === 0 ? "nothing" : executions.map(({ id, fence, attempt }) => `${id}/${fence} attempt ${attempt}`).join(", ");
  }
  if (method === "sweep") {
    const { takenOver, lost, cancelled, due } = answer as SweepReport;
    return `taken over [${takenOver}], lost [${lost}], cancelled [${cancelled}], due ${due}`;
  }
  if (method === "readSignals") return (answer as readonly Item[]).map(({ sequence, body }) => `${sequence} ${body}`).join(", ") || "none";
  if (method === "get") return (answer as readonly (Item | undefined)[]).map((record) => record?.status ?? "unknown").join(", ");
  if (method in itemsOf) return (answer as readonly Item[]).map(reportText).join(", ");
  return "";
}

/** Executions that it is about. */
export function idsOfCall({ method, parameters }: StoreCall, answer: unknown): readonly string[] {
  const items = itemsOf[method];
  if (items !== undefined) return ((parameters[0] as Item)[items] as readonly Item[]).map(({ id }) => String(id));
  if (method === "claim") return ["", ...(answer as ClaimReport).executions.map(({ id }) => id)];
  if (method === "sweep") {
    const { takenOver, lost, cancelled } = answer as SweepReport;
    return ["", ...takenOver, ...lost, ...cancelled];
  }
  if (method === "get") return parameters[1] as readonly string[];
  if (method === "readSignals") return [String((parameters[0] as Item).id)];
  return [""];
}

function claimText({ claimId, limit, ids }: ClaimRequest): string {
  return `claim ${claimId} of ${ids ?? limit}`;
}

function itemText({ id, fence, outcome, change, checkpoint, wakeInMs, body }: Item): string {
  const lease = fence === undefined ? String(id) : `${id}/${fence}`;
  const { type, delayMs } = (outcome ?? {}) as Item;
  const { revision, consumedSignal } = (checkpoint ?? {}) as Item;
  return [
    lease,
    type,
    delayMs === undefined ? undefined : `in ${delayMs} ms`,
    change,
    revision === undefined ? undefined : `revision ${revision} with signals to ${consumedSignal}`,
    wakeInMs === undefined ? undefined : `wakes in ${wakeInMs} ms`,
    body,
  ]
    .filter((part) => part !== undefined)
    .join(" ");
}

function reportText(report: Item): string {
  const { reason, status, sequence, repeated, stale, cancelRequested, lastSignal, ...verdict } = report;
  const [word, held] = Object.entries(verdict).find(([, value]) => typeof value === "boolean") ?? ["done", true];
  return [
    held === true ? word : `not ${word}`,
    reason,
    status,
    sequence,
    repeated === true ? "(repeated)" : undefined,
    stale === true ? "(stale)" : undefined,
    cancelRequested === true ? "cancel!" : undefined,
    lastSignal === undefined ? undefined : `last signal ${lastSignal}`,
  ]
    .filter((part) => part !== undefined)
    .join(" ");
}
