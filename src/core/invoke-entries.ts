import type { AnyActorRef } from "xstate";
import { UnsupportedOperationError } from "../model/store-errors.ts";

const ofSystem = new WeakMap<AnyActorRef["system"], InvokeEntries>();

/** What XState calls an actor that nobody named: another process would give that name to another actor. */
const unnamed = /^x:\d+$/;

/**
 * A key for the effects of an actor that a machine under a coordinator has invoked, or spawned under an id: `executionId:invokeId:entry`,
 * where `entry` counts how often it was begun. It is the same whenever this entry is run again, after a crash, in another process or by a
 * retry, and another one when the state is entered again. A durable coordinator stores it before this resolves.
 *
 * @example
 * ```ts
 * const charge = fromPromise<Receipt, Order>(async ({ input, self }) =>
 *   payments.charge(input, { idempotencyKey: await idempotencyKeyOf(self) }));
 * ```
 * @throws {UnsupportedOperationError} when no coordinator runs the actor, or nobody named it. {@link LeaseLostError} when another worker
 * may have taken over: then nothing should be done.
 */
export async function idempotencyKeyOf(actor: AnyActorRef): Promise<string> {
  const entries = ofSystem.get(actor.system);
  if (entries === undefined) throw new UnsupportedOperationError("no coordinator runs this actor, so it has no idempotency key");
  return entries.keyOf(actor);
}

/** Counts how often each actor of one machine is begun, and names these entries. */
export class InvokeEntries {
  readonly #executionId: string;
  readonly #counts: Map<string, number>;
  readonly #paths = new WeakMap<AnyActorRef, string>();
  readonly #entries = new WeakMap<AnyActorRef, number>();
  /** Known to whoever goes on. */
  readonly #saved = new WeakSet<AnyActorRef>();
  readonly #save: () => Promise<void>;
  #isRestoring: boolean;

  constructor(executionId: string, restored: Readonly<Record<string, number>> | undefined, save: () => Promise<void>) {
    this.#executionId = executionId;
    this.#counts = new Map(Object.entries(restored ?? {}));
    this.#isRestoring = restored !== undefined;
    this.#save = save;
  }

  /** To be told of every actor of the machine's system, in the order in which they are made. */
  made(actor: AnyActorRef): void {
    if (actor._parent === undefined) {
      ofSystem.set(actor.system, this);
      return;
    }
    if (unnamed.test(actor.id)) return;
    const path = pathOf(actor);
    const before = this.#counts.get(path) ?? 0;
    const entry = this.#isRestoring ? Math.max(1, before) : before + 1;
    if (entry === before) this.#saved.add(actor);
    this.#counts.set(path, entry);
    this.#paths.set(actor, path);
    this.#entries.set(actor, entry);
  }

  /** What is made from now on is new. */
  begin(): void {
    this.#isRestoring = false;
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  async keyOf(actor: AnyActorRef): Promise<string> {
    const path = this.#paths.get(actor);
    if (path === undefined) {
      throw new UnsupportedOperationError(
        `only what a machine invokes, or spawns under an id, has an idempotency key; ${actor.id} is neither`,
      );
    }
    if (!this.#saved.has(actor)) await this.#save();
    this.#saved.add(actor);
    return this.#key(path, this.#entries.get(actor) ?? 1);
  }

  /** The key of the last entry of what the machine itself invoked under that id. */
  lastKeyOf(invokeId: string): string {
    return this.#key(invokeId, this.#counts.get(invokeId) ?? 1);
  }

  #key(path: string, entry: number): string {
    return `${this.#executionId}:${path}:${entry}`;
  }
}

/** The ids that lead to it from the machine itself. */
function pathOf(actor: AnyActorRef): string {
  const ids: string[] = [];
  for (let at: AnyActorRef | undefined = actor; at?._parent !== undefined; at = at._parent) ids.unshift(at.id);
  return ids.join("/");
}
