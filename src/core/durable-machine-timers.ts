import type { AnyActor, AnyActorRef, EventObject } from "xstate";
import type { CheckpointTimer } from "../model/checkpoint.ts";

interface Due {
  readonly dueAt: number;
  readonly delayMs: number;
}

/** A pending event as XState's actor system keeps it. */
interface ScheduledEvent {
  readonly id: string;
  readonly event: EventObject;
  readonly delay: number;
  readonly source: AnyActorRef;
  readonly target: AnyActorRef;
}

/**
 * The pending timers of a machine: its `after` transitions and delayed events, and those of the actors under it. XState's persisted
 * snapshot has none of them, and it times them by the machine's clock, so when they are due is noted here.
 */
export class MachineTimers {
  readonly #root: AnyActor;
  readonly #now: () => number;
  readonly #due = new WeakMap<object, Due>();

  constructor(root: AnyActor, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  /** To be called after every step, in the same turn. */
  notice(): void {
    for (const scheduled of this.#scheduled()) this.#dueOf(scheduled);
  }

  pending(): CheckpointTimer[] {
    const now = this.#now();
    return this.#scheduled().map((scheduled) => {
      const { dueAt, delayMs } = this.#dueOf(scheduled);
      const { id, event, source, target } = scheduled;
      return { id, dueAt, delayMs, leftMs: Math.max(0, dueAt - now), source: pathOf(source), target: pathOf(target), event };
    });
  }

  /** Sets them again, each under its id, so that the machine can cancel it. `dueAt` says when they are due, also when that is past. */
  restore(timers: readonly CheckpointTimer[]): void {
    const now = this.#now();
    for (const { id, dueAt, delayMs, event, source = [], target = [] } of timers) {
      const from = this.#actorAt(source);
      const to = this.#actorAt(target);
      if (from === undefined || to === undefined) continue;
      const before = new Set(this.#scheduled());
      this.#root.system.scheduler.schedule(from, to, event as EventObject, Math.max(0, dueAt - now), id);
      for (const scheduled of this.#scheduled()) if (!before.has(scheduled)) this.#due.set(scheduled, { dueAt, delayMs });
    }
  }

  #scheduled(): ScheduledEvent[] {
    return Object.values(this.#root.system.getSnapshot()._scheduledEvents);
  }

  #dueOf(scheduled: ScheduledEvent): Due {
    const known = this.#due.get(scheduled);
    if (known !== undefined) return known;
    const due = { dueAt: this.#now() + scheduled.delay, delayMs: scheduled.delay };
    this.#due.set(scheduled, due);
    return due;
  }

  #actorAt(path: readonly string[]): AnyActorRef | undefined {
    let actor: AnyActorRef | undefined = this.#root;
    for (const id of path) {
      const snapshot = actor?.getSnapshot() as { children?: Record<string, AnyActorRef | undefined> } | undefined;
      actor = snapshot?.children?.[id];
    }
    return actor;
  }
}

function pathOf(actor: AnyActorRef): string[] {
  const path: string[] = [];
  for (let at: AnyActorRef | undefined = actor; at?._parent !== undefined; at = at._parent) path.unshift(at.id);
  return path;
}
