import {
  type Actor,
  type ActorLogic,
  type ActorRef,
  type ActorSystem,
  type ActorSystemInfo,
  type AnyEventObject,
  createActor,
  type Snapshot,
} from "xstate";
import { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "../../machines/supervisor-machine.ts";
import type { CloseReport } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { CoordinatorSnapshot } from "./coordinator-snapshot.ts";
import type { ExecutionRecord, ExecutionRequest, Waiter } from "./execution-record.ts";
import { Fleet } from "./fleet.ts";
import type { FleetOptions } from "./fleet-options.ts";
import { adoptSnapshot, toCoordinatorSnapshot } from "./fleet-snapshot.ts";
import type { EventDetails } from "./outbox.ts";

/** What the supervisor is now. `fleet` is the same object in every snapshot; it answers for the present, not for the time of the snapshot. */
export type SupervisorSnapshot = Snapshot<undefined> & { readonly value: SupervisorMode; readonly context: { readonly fleet: Fleet } };

/** What the supervisor is sent. Its coordinator sends it; from elsewhere, only the modes are of use. */
export type SupervisorEvent =
  | SupervisorModeEvent
  | { type: "execution.start"; requests: readonly ExecutionRequest[]; resolve: (ids: string[]) => void; reject: (error: unknown) => void }
  | { type: "execution.cancel"; id: string; reason: string | undefined; resolve: (wasLive: boolean) => void }
  | { type: "execution.retryDue"; executionId: string }
  | { type: "fleet.cleanup"; olderThanMs: number; resolve: (removed: number) => void }
  | { type: "fleet.setMaxConcurrent"; maxConcurrent: number }
  | { type: "fleet.drain"; waiter: Waiter }
  | { type: "fleet.close"; mode: "drain" | "cancel" | "release"; deadlineMs: number; done: (report: CloseReport) => void }
  | { type: "attempt.progressed"; run: AttemptRun; progress: unknown }
  | { type: "attempt.settling"; run: AttemptRun }
  | { type: "attempt.cancelSettled"; run: AttemptRun; reason: string | undefined }
  | { type: "execution.abandonSettled"; record: ExecutionRecord }
  | { type: "execution.leave"; request: ExecutionRequest; details: EventDetails | undefined; unwinds?: boolean }
  | { type: "events.due" }
  | { type: "attempt.told"; run: AttemptRun; event: RunEvent }
  | { type: "attempt.waiting"; run: AttemptRun }
  | { type: "attempt.mayContinue"; run: AttemptRun }
  | { type: "attempt.wantsSlot"; run: AttemptRun }
  | { type: "attempt.movedOn"; run: AttemptRun }
  | { type: "attempt.released"; run: AttemptRun }
  | { type: "attempt.unwound"; run: AttemptRun }
  | { type: "timers.due" }
  | { type: "retention.due" };

/** The supervisor as its users see it: watch it, inspect it, persist it. */
export type SupervisorRef = ActorRef<SupervisorSnapshot, SupervisorEvent, ExecutionEvent>;

export type SupervisorLogic = ActorLogic<SupervisorSnapshot, SupervisorEvent, undefined, ActorSystem<ActorSystemInfo>, ExecutionEvent>;

/**
 * The supervisor of a coordinator. It is written by hand rather than as a machine because a machine copies its children for every new one
 * and keeps something of each that is gone; its modes are a statechart, which `config` shows to inspectors.
 */
export function createSupervisor(options: FleetOptions, snapshot?: Snapshot<unknown>): Actor<SupervisorLogic> {
  const { clock, inspect } = options;
  const supervisor = createActor(createSupervisorLogic(options), {
    id: "supervisor",
    clock,
    ...(inspect !== undefined && { inspect }),
    ...(snapshot !== undefined && { snapshot }),
  });
  keepNoList(supervisor.system);
  return supervisor;
}

/**
 * XState notes every actor of a system in a map that nothing ever reads. Because of how maps grow (see `TransientMap`), it alone keeps all that
 * executions were made of until the next full collection, which costs a fourth of the time of an execution that does nothing.
 */
function keepNoList(system: ActorSystem<ActorSystemInfo>): void {
  (system as unknown as { _register(sessionId: string): string })._register = (sessionId) => sessionId;
}

function createSupervisorLogic(options: FleetOptions): SupervisorLogic {
  return {
    config: supervisorMachine.config,
    getInitialSnapshot: (scope) => toSnapshot(new Fleet(options, scope)),
    restoreSnapshot: (persisted, scope) => {
      const fleet = new Fleet(options, scope);
      adoptSnapshot(fleet, structuredClone(persisted as CoordinatorSnapshot), options);
      return toSnapshot(fleet);
    },
    start: (snapshot) => {
      snapshot.context.fleet.begin();
      snapshot.context.fleet.flush();
    },
    transition: (snapshot, event, scope) => {
      const { fleet } = snapshot.context;
      try {
        handle(fleet, event);
      } catch (error) {
        options.reportError(error);
      }
      scope.defer(() => fleet.flush());
      return toSnapshot(fleet, (event as AnyEventObject).type === "xstate.stop" ? "stopped" : "active");
    },
    getPersistedSnapshot: ({ context: { fleet } }) => toCoordinatorSnapshot(fleet),
  };
}

type Handlers = { readonly [Type in SupervisorEvent["type"]]: (fleet: Fleet, event: Extract<SupervisorEvent, { type: Type }>) => void };

const handlers: Handlers = {
  "execution.start": (fleet, { requests, resolve, reject }) => {
    try {
      resolve(fleet.start(requests));
    } catch (error) {
      reject(error);
    }
  },
  "execution.cancel": (fleet, { id, reason, resolve }) => resolve(fleet.cancel(id, reason)),
  "execution.retryDue": (fleet, { executionId }) => fleet.retryDue(executionId),
  "fleet.cleanup": (fleet, { olderThanMs, resolve }) => resolve(fleet.cleanup(olderThanMs)),
  "fleet.setMaxConcurrent": (fleet, { maxConcurrent }) => fleet.setMaxConcurrent(maxConcurrent),
  "fleet.drain": (fleet, { waiter }) => fleet.drain(waiter),
  "fleet.close": (fleet, { mode, deadlineMs, done }) => fleet.close(mode, deadlineMs, done),
  "supervisor.pause": (fleet, event) => fleet.changeMode(event),
  "supervisor.resume": (fleet, event) => fleet.changeMode(event),
  "supervisor.drain": (fleet, event) => fleet.changeMode(event),
  "supervisor.close": (fleet, event) => fleet.changeMode(event),
  "attempt.progressed": (fleet, { run, progress }) => fleet.attemptProgressed(run, progress),
  "attempt.told": (fleet, { run, event }) => fleet.attemptTold(run, event),
  "attempt.mayContinue": (fleet, { run }) => fleet.attemptMayContinue(run),
  "attempt.waiting": (fleet, { run }) => fleet.attemptWaiting(run),
  "attempt.wantsSlot": (fleet, { run }) => fleet.attemptWantsSlot(run),
  "attempt.movedOn": (fleet, { run }) => fleet.attemptMovedOn(run),
  "attempt.released": (fleet, { run }) => fleet.attemptReleased(run),
  "attempt.unwound": (fleet, { run }) => fleet.attemptUnwound(run),
  "attempt.settling": (fleet, { run }) => fleet.attemptSettling(run),
  "attempt.cancelSettled": (fleet, { run, reason }) => fleet.cancelSettled(run, reason),
  "execution.abandonSettled": (fleet, { record }) => fleet.abandonSettled(record),
  "execution.leave": (fleet, { request, details, unwinds = false }) => fleet.leave(request, details, unwinds),
  "events.due": () => {},
  "timers.due": (fleet) => fleet.timersDue(),
  "retention.due": (fleet) => fleet.retentionDue(),
};

/** Also what XState itself sends: that a child is done or has crashed, and that this actor is to stop. */
function handle(fleet: Fleet, event: AnyEventObject): void {
  const { type } = event;
  if (type.startsWith("xstate.done.actor.") || type.startsWith("xstate.error.actor.")) fleet.childDone(event.actorId);
  else if (type === "xstate.stop") fleet.stop();
  else if (Object.hasOwn(handlers, type)) handlers[type as SupervisorEvent["type"]](fleet, event as never);
}

function toSnapshot(fleet: Fleet, status: "active" | "stopped" = "active"): SupervisorSnapshot {
  return { status, output: undefined, error: undefined, value: fleet.mode, context: { fleet } };
}
