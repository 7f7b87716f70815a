import type { ActorLogic, ActorRef, ActorSystem, ActorSystemInfo, AnyEventObject, Snapshot } from "xstate";
import { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "../../machines/supervisor-machine.ts";
import type { CloseReport } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { CoordinatorSnapshot } from "./coordinator-snapshot.ts";
import type { ExecutionRequest, Waiter } from "./execution-record.ts";
import { Fleet, type FleetOptions } from "./fleet.ts";
import { adoptSnapshot, toCoordinatorSnapshot } from "./fleet-snapshot.ts";

/** What the supervisor is now. `fleet` is the same object in every snapshot; it answers for the present, not for the time of the snapshot. */
export type SupervisorSnapshot = Snapshot<undefined> & { readonly value: SupervisorMode; readonly context: { readonly fleet: Fleet } };

export type SupervisorEvent =
  | SupervisorModeEvent
  | { type: "execution.start"; requests: readonly ExecutionRequest[]; resolve: (ids: string[]) => void; reject: (error: unknown) => void }
  | { type: "execution.cancel"; id: string; reason: string | undefined; resolve: (wasLive: boolean) => void }
  | { type: "execution.waitFor"; id: string; waiter: Waiter }
  | { type: "execution.retryDue"; executionId: string }
  | { type: "fleet.cleanup"; olderThanMs: number; resolve: (removed: number) => void }
  | { type: "fleet.setMaxConcurrent"; maxConcurrent: number }
  | { type: "fleet.drain"; resolve: () => void }
  | { type: "fleet.close"; mode: "drain" | "cancel" | "release"; deadlineMs: number; done: (report: CloseReport) => void }
  | { type: "attempt.progressed"; run: AttemptRun; progress: unknown }
  | { type: "events.due" }
  | { type: "attempt.waiting"; run: AttemptRun }
  | { type: "attempt.wantsSlot"; run: AttemptRun }
  | { type: "attempt.movedOn"; run: AttemptRun }
  | { type: "attempt.released"; run: AttemptRun }
  | { type: "timers.due" }
  | { type: "retention.due" };

/** The supervisor as its users see it: watch it, inspect it, persist it. */
export type SupervisorRef = ActorRef<SupervisorSnapshot, SupervisorEvent, ExecutionEvent>;

export type SupervisorLogic = ActorLogic<SupervisorSnapshot, SupervisorEvent, undefined, ActorSystem<ActorSystemInfo>, ExecutionEvent>;

/**
 * The supervisor of a coordinator. It is written by hand rather than as a machine because a machine copies its children for every new one
 * and keeps something of each that is gone; its modes are a statechart, which `config` shows to inspectors.
 */
export function createSupervisorLogic(options: FleetOptions): SupervisorLogic {
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

function handle(fleet: Fleet, event: SupervisorEvent): void {
  switch (event.type) {
    case "execution.start":
      try {
        event.resolve(fleet.start(event.requests));
      } catch (error) {
        event.reject(error);
      }
      return;
    case "execution.cancel":
      return event.resolve(fleet.cancel(event.id, event.reason));
    case "execution.waitFor":
      return fleet.waitFor(event.id, event.waiter);
    case "execution.retryDue":
      return fleet.retryDue(event.executionId);
    case "fleet.cleanup":
      return event.resolve(fleet.cleanup(event.olderThanMs));
    case "fleet.setMaxConcurrent":
      return fleet.setMaxConcurrent(event.maxConcurrent);
    case "fleet.drain":
      return fleet.drain(event.resolve);
    case "fleet.close":
      return fleet.close(event.mode, event.deadlineMs, event.done);
    case "supervisor.pause":
    case "supervisor.resume":
    case "supervisor.drain":
    case "supervisor.close":
      return fleet.changeMode(event);
    case "attempt.progressed":
      return fleet.attemptProgressed(event.run, event.progress);
    case "events.due":
      return;
    case "attempt.waiting":
      return fleet.attemptWaiting(event.run);
    case "attempt.wantsSlot":
      return fleet.attemptWantsSlot(event.run);
    case "attempt.movedOn":
      return fleet.attemptMovedOn(event.run);
    case "attempt.released":
      return fleet.attemptReleased(event.run);
    case "timers.due":
      return fleet.timersDue();
    case "retention.due":
      return fleet.retentionDue();
    default:
      return handleActorEvent(fleet, event);
  }
}

/** What XState itself sends: that a child is done or has crashed, and that this actor is to stop. */
function handleActorEvent(fleet: Fleet, event: AnyEventObject): void {
  if (event.type === "xstate.stop") fleet.stop();
  else if (event.type.startsWith("xstate.done.actor.") || event.type.startsWith("xstate.error.actor.")) fleet.childDone(event["actorId"]);
}

function toSnapshot(fleet: Fleet, status: "active" | "stopped" = "active"): SupervisorSnapshot {
  return { status, output: undefined, error: undefined, value: fleet.mode, context: { fleet } };
}
