import type { JsonText } from "../model/json-text.ts";
import type { LeaseToken } from "../model/lease.ts";

/** Executions that somebody wants to end. */
export interface CancelRequest {
  readonly name: string;
  readonly cancels: readonly {
    readonly id: string;
    readonly reason?: string /** Random per cancel: its repetition gets the same report. */;
    readonly token: string;
  }[];
}

/** `cancelled`: it was queued or parked, and this cancel has ended it. `running`: its worker is asked to end it. */
export type CancelReport =
  | { readonly accepted: true; readonly status: "cancelled" | "running" }
  | { readonly accepted: false; readonly reason: "unknown" | "final" };

/** Signals for executions, in order. */
export interface AppendSignalsRequest {
  readonly name: string;
  readonly signals: readonly NewSignal[];
}

/** One signal. */
export interface NewSignal {
  readonly id: string;
  /** Random per signal: its repetition within five minutes is not another signal. */
  readonly token: string;
  readonly body: JsonText;
}

/** The number it got, counted from 1 per execution; or why there is nobody to get it. */
export type AppendSignalReport =
  | { readonly accepted: true; readonly sequence: number; readonly repeated: boolean }
  | { readonly accepted: false; readonly reason: "unknown" | "final" | "unstorable" };

/** A stored signal. */
export interface StoredSignal {
  readonly sequence: number;
  readonly at: number;
  readonly body: JsonText;
}

/** Events to keep with their executions. */
export interface AppendEventsRequest {
  readonly name: string;
  /** Absent for events before the first claim (fence 0). */
  readonly owner?: string;
  readonly entries: readonly EventsEntry[];
  /** How many events an execution keeps; the oldest go first. */
  readonly maxEvents: number;
}

/** Events of one execution, under its lease or the one that was settled last. */
interface EventsEntry extends LeaseToken {
  readonly events: readonly {
    /** Rises with every event written under the same fence; an event that is not above the last one of its fence is a repetition. */
    readonly ordinal: number;
    readonly body: JsonText;
  }[];
}

/** The number of its last stored event; or why they were refused. */
export type AppendEventsReport =
  | { readonly appended: true; readonly lastSequence: number }
  | { readonly appended: false; readonly reason: "unknown" | "superseded" | "unstorable" };

/** A stored event. Its number is counted from 1 per execution without gaps; what `readEvents` skips was dropped by `maxEvents`. */
export interface StoredEvent {
  readonly sequence: number;
  readonly at: number;
  readonly body: JsonText;
}

/** Where to read on. */
export interface ReadRequest {
  readonly name: string;
  readonly id: string;
  /** Only what has a higher number; 0. */
  readonly afterSequence?: number;
  /** 1 000. */
  readonly limit?: number;
}

/** What somebody wants to be told. */
export interface WatchRequest {
  readonly name: string;
  /** `claimable` notices, for workers; false. */
  readonly work?: boolean;
  /** `cancelRequested` and `signalled` notices, for workers; false. */
  readonly control?: boolean;
}

/**
 * A hint that something happened: it may come late, twice or never, so look before you act.
 * `missed` means that others may have been lost, or that the store cannot tell what changed: look at everything you care for.
 */
export type StoreNotice =
  | { readonly type: "claimable" }
  | { readonly type: "final" | "cancelRequested" | "signalled"; readonly ids: readonly string[] }
  | { readonly type: "missed" };

/** A running subscription. */
export interface StoreWatch {
  /** Once it resolves, the ends of these executions are told as `final`; read their records after that. */
  follow(ids: readonly string[]): Promise<void>;
  unfollow(ids: readonly string[]): void;
  close(): Promise<void>;
}
