import type { InspectionEvent } from "xstate";
import { createSystemClock } from "../core/system-clock.ts";
import type { ExecutionInfo } from "../model/execution.ts";
import * as check from "../model/option-check.ts";
import type { Clock } from "../ports/clock.ts";
import type { InspectionMessage, InspectionSink } from "./inspection-message.ts";
import { toShown } from "./shown.ts";
import { definitionOf, type InspectedRef, toShownSnapshot, type WatchedActor } from "./watched-actor.ts";
import { createWebSocketSink, type WebSocketSink } from "./web-socket-sink.ts";

/** Settings of `createFleetInspector`. */
export interface FleetInspectorOptions {
  /** Of an inspector server, `createInspectorServer` of `@statelyai/inspect/server` for example; ws://127.0.0.1:8080. Needs the package `ws`. */
  url?: string;
  /** An inspector of `@statelyai/inspect`, in a browser for example, in place of `url`. */
  inspector?: { readonly adapter: InspectionSink };
  /** The share of the executions that is shown, from 0 to 1; 1. Which ones they are follows from their ids, so a run shows the same again. */
  sample?: number;
  /** Whether to show this execution; asked once for each that is in the sample, when it begins. */
  only?: (info: ExecutionInfo) => boolean;
  /** Shows inputs, contexts, events and results as well, cut to a bounded size and without what is named like a secret; false. */
  payloads?: boolean;
  /** So many executions are shown at once; 500. One that begins while there are as many is not shown. */
  maxExecutions?: number;
  /** Told what goes wrong on the way to the inspector, a missing package for example. */
  onError?: (error: unknown) => void;
  /** The machine's time. */
  clock?: Clock;
}

/** Shows a coordinator to an inspector: give it as `inspect`. */
export interface FleetInspector {
  next(event: InspectionEvent): void;
  /** How many executions are shown now, and how many messages were left out because the inspector did not keep up. */
  readonly stats: { readonly watched: number; readonly dropped: number; readonly connected: boolean };
  /** Lets go of the connection. */
  close(): Promise<void>;
}

/**
 * Shows supervisors, their executions and the machines these run in the Stately inspector. What is not shown is left out before anything is
 * converted, so a small sample of a busy coordinator costs little; inputs, results and contexts stay hidden unless `payloads` is set. It
 * does not keep the process alive, and when the inspector comes back after an absence it is told what there is then.
 *
 * @example
 * const coordinator = createCoordinator({ orchestrator, inspect: createFleetInspector({ sample: 0.01 }) });
 *
 * @throws {InvalidOptionsError} for a bad option.
 */
export function createFleetInspector(options: FleetInspectorOptions = {}): FleetInspector {
  optionsCheck(options, "options");
  return new Inspection(options);
}

const optionsCheck = check.fields({
  url: check.text,
  inspector: (given, field) => check.having("send")((given as { adapter?: unknown } | null)?.adapter, `${field}.adapter`),
  sample: check.numberBetween(0, 1),
  only: check.callable,
  payloads: check.flag,
  maxExecutions: check.wholeNumber(1),
  onError: check.callable,
  clock: check.having("now", "setTimeout"),
});

const protocolVersion = "0.7.2";

class Inspection implements FleetInspector {
  readonly #options: FleetInspectorOptions;
  readonly #clock: Clock;
  readonly #sink: InspectionSink;
  readonly #socket: WebSocketSink | undefined;
  readonly #supervisors = new Map<string, WatchedActor>();
  /** Executions and machines by session id. */
  readonly #actors = new Map<string, WatchedActor>();
  /** By execution id, of all supervisors. */
  readonly #executions = new Map<string, WatchedActor>();
  #messages = 0;

  constructor(options: FleetInspectorOptions) {
    const { url = "ws://127.0.0.1:8080", inspector, clock = createSystemClock(), onError } = options;
    this.#options = options;
    this.#clock = clock;
    if (inspector === undefined) {
      this.#socket = createWebSocketSink({ url, clock, opened: () => this.#showAll(), ...(onError !== undefined && { onError }) });
    }
    this.#sink = inspector?.adapter ?? (this.#socket as InspectionSink);
  }

  get stats() {
    return { watched: this.#executions.size, dropped: this.#socket?.dropped ?? 0, connected: this.#socket?.isOpen ?? true };
  }

  next(event: InspectionEvent): void {
    const ref = event.actorRef as InspectedRef;
    if (event.type === "@xstate.actor") {
      if (ref._parent === undefined) this.#meetRoot(ref);
      else this.#meetChild(ref, ref._parent);
      return;
    }
    if (event.type !== "@xstate.event" && event.type !== "@xstate.snapshot") return;
    const supervisor = this.#supervisors.get(ref.sessionId);
    if (supervisor !== undefined) {
      if (event.type === "@xstate.snapshot") this.#showMode(supervisor, event.event);
      return;
    }
    let actor = this.#actors.get(ref.sessionId);
    if (actor === undefined && event.event.type === "xstate.init" && event.type === "@xstate.event") actor = this.#meetExecution(ref);
    if (actor === undefined) return;
    if (!actor.isShown) this.#show(actor);
    if (event.type === "@xstate.event") {
      const source = event.sourceRef as InspectedRef | undefined;
      const sourceId = source?.sessionId ?? (actor.kind === "execution" ? actor.parentId : undefined);
      this.#send({ ...this.#head(actor), type: "@xstate.event", event: this.#toShownEvent(event.event), sourceId });
      return;
    }
    const snapshot = toShownSnapshot(actor, event.snapshot, this.#options.payloads === true);
    this.#send({ ...this.#head(actor), type: "@xstate.snapshot", event: this.#toShownEvent(event.event), snapshot });
    if (snapshot.status !== "active") this.#forget(actor);
  }

  async close(): Promise<void> {
    this.#supervisors.clear();
    this.#actors.clear();
    this.#executions.clear();
    await this.#socket?.close();
  }

  /** A supervisor, or the machine of an execution. */
  #meetRoot(ref: InspectedRef): void {
    const { id, sessionId } = ref;
    const execution = this.#executions.get(id);
    if (execution !== undefined) {
      this.#watch({ kind: "machine", ref, name: id, sessionId, rootId: execution.rootId, parentId: execution.sessionId }, execution);
    } else if (isSupervisor(ref)) {
      this.#supervisors.set(sessionId, {
        ...{ kind: "supervisor", ref, name: id, sessionId, rootId: sessionId, parentId: undefined },
        isShown: false,
        owned: new Set(),
      });
    }
  }

  /** An actor that a shown machine has made. What an execution makes is the attempt that hosts its orchestrator, and shows nothing new. */
  #meetChild(ref: InspectedRef, parentRef: InspectedRef): void {
    const parent = this.#actors.get(parentRef.sessionId);
    if (parent?.kind !== "machine") return;
    const { id, sessionId } = ref;
    this.#watch({ kind: "machine", ref, name: id, sessionId, rootId: parent.rootId, parentId: parent.sessionId }, parent);
  }

  #meetExecution(ref: InspectedRef): WatchedActor | undefined {
    const { id, sessionId, _parent: parent } = ref;
    const supervisor = parent && this.#supervisors.get(parent.sessionId);
    if (supervisor === undefined || !this.#isWanted(supervisor, id)) return undefined;
    const { sessionId: rootId } = supervisor;
    const execution = this.#watch({ kind: "execution", ref, name: id, sessionId, rootId, parentId: rootId }, undefined);
    this.#executions.set(id, execution);
    return execution;
  }

  #isWanted({ ref }: WatchedActor, id: string): boolean {
    const { sample = 1, only, maxExecutions = 500 } = this.#options;
    if (this.#executions.size >= maxExecutions || shareOf(id) >= sample) return false;
    if (only === undefined) return true;
    const { fleet } = (ref as unknown as SupervisorRefLike).getSnapshot().context;
    const info = fleet.info(id);
    return info !== undefined && only(info);
  }

  #watch(actor: Omit<WatchedActor, "owned" | "isShown">, owner: WatchedActor | undefined): WatchedActor {
    const watched: WatchedActor = { ...actor, isShown: false, owned: new Set() };
    this.#actors.set(actor.sessionId, watched);
    owner?.owned.add(watched);
    return watched;
  }

  #forget(actor: WatchedActor): void {
    this.#actors.delete(actor.sessionId);
    if (this.#executions.get(actor.name) === actor) this.#executions.delete(actor.name);
    for (const owned of actor.owned) this.#forget(owned);
    if (actor.parentId !== undefined) this.#actors.get(actor.parentId)?.owned.delete(actor);
  }

  #showMode(supervisor: WatchedActor, event: { readonly type: string }): void {
    const { value, status } = supervisor.ref.getSnapshot() as { value: unknown; status: string };
    if (supervisor.toldMode === undefined) this.#show(supervisor);
    else if (supervisor.toldMode !== value || status !== "active") {
      const snapshot = toShownSnapshot(supervisor, supervisor.ref.getSnapshot(), false);
      this.#send({ ...this.#head(supervisor), type: "@xstate.snapshot", event: { type: event.type }, snapshot });
    }
    supervisor.toldMode = value;
    if (status !== "active") this.#supervisors.delete(supervisor.sessionId);
  }

  /** An inspector that has come (back) knows nothing. */
  #showAll(): void {
    for (const actor of [...this.#supervisors.values(), ...this.#actors.values()]) if (actor.isShown) this.#show(actor);
  }

  /** Not before its first event: it has no snapshot while it is made. */
  #show(actor: WatchedActor): void {
    actor.isShown = true;
    const { name, parentId, ref } = actor;
    const snapshot = toShownSnapshot(actor, ref.getSnapshot(), this.#options.payloads === true);
    this.#send({ ...this.#head(actor), type: "@xstate.actor", name, parentId, definition: definitionOf(actor), snapshot });
  }

  #send(message: InspectionMessage): void {
    this.#sink.send(message);
  }

  #head({ sessionId, rootId }: WatchedActor) {
    this.#messages += 1;
    return { _version: protocolVersion, sessionId, rootId, createdAt: String(this.#clock.now()), id: String(this.#messages) };
  }

  #toShownEvent(event: { readonly type: string }): { readonly type: string } {
    return this.#options.payloads === true ? (toShown(event) as { type: string }) : { type: event.type };
  }
}

interface SupervisorRefLike {
  getSnapshot(): { readonly context: { readonly fleet: { info(id: string): ExecutionInfo | undefined } } };
}

function isSupervisor({ logic }: InspectedRef): boolean {
  return (logic?.config as { id?: unknown } | undefined)?.id === "supervisor";
}

/** Where an id falls between 0 and 1: FNV-1a, as in draft-eastlake-fnv. */
function shareOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  // Its upper bits change too little with the last characters.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
