import type { Snapshot } from "xstate";

/** What the Stately inspector is told, in its own words: an actor is there, an event reached it, it has a new snapshot. */
export type InspectionMessage = ActorMessage | EventMessage | SnapshotMessage;

interface Message {
  /** Of the inspector's protocol. */
  readonly _version: string;
  readonly sessionId: string;
  readonly rootId: string;
  /** Epoch milliseconds, as text. */
  readonly createdAt: string;
  readonly id: string;
}

interface ActorMessage extends Message {
  readonly type: "@xstate.actor";
  readonly name: string;
  readonly parentId: string | undefined;
  /** A machine's configuration as JSON text. */
  readonly definition: string;
  readonly snapshot: ShownSnapshot;
}

interface EventMessage extends Message {
  readonly type: "@xstate.event";
  readonly sourceId: string | undefined;
  readonly event: { readonly type: string };
}

interface SnapshotMessage extends Message {
  readonly type: "@xstate.snapshot";
  readonly event: { readonly type: string };
  readonly snapshot: ShownSnapshot;
}

/** As much of a snapshot as is shown. */
export type ShownSnapshot = Snapshot<unknown> & { readonly value?: unknown; readonly context?: object };

/** Takes messages to an inspector. The `adapter` of every inspector of `@statelyai/inspect` is one. */
export interface InspectionSink {
  send(message: InspectionMessage): void;
}
