import type { Clock } from "../../ports/clock.ts";
import type { TableEntityLike } from "./azure-table-client.ts";
import type { TableConnection } from "./azure-table-connection.ts";
import { isConditionFailed } from "./azure-table-errors.ts";

/** As transactions of the service take them. */
export type TableAction =
  | readonly ["create" | "delete", TableEntityLike]
  | readonly ["update", TableEntityLike, "Replace", { readonly etag: string }]
  | readonly ["upsert", TableEntityLike, "Replace"];

interface Write {
  readonly actions: readonly TableAction[];
  readonly length: number;
  readonly resolve: (written: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Of a transaction: the service takes 100 entities and 4 MiB. */
const maxActions = 100;
const maxLength = 1_000_000;

/**
 * Writes that stand each for itself, but share a transaction when they come at once, because a request costs more than what is in it. When
 * one of them is refused the others are written without it.
 */
export class TableWriter {
  readonly #connection: TableConnection;
  readonly #timers: Clock;
  readonly #waiting = new Map<string, Write[]>();
  readonly #busy = new Set<string>();

  constructor(connection: TableConnection, timers: Clock) {
    this.#connection = connection;
    this.#timers = timers;
  }

  /** All of these or none; false when one of their conditions does not hold. */
  write(partition: string, actions: readonly TableAction[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(partition) ?? [];
      this.#waiting.set(partition, waiting);
      waiting.push({ actions, length: JSON.stringify(actions).length, resolve, reject });
      if (this.#busy.has(partition)) return;
      this.#busy.add(partition);
      const start = () => void this.#writeAll(partition);
      if (this.#timers.setImmediate === undefined) queueMicrotask(start);
      else this.#timers.setImmediate(start);
    });
  }

  async #writeAll(partition: string): Promise<void> {
    for (;;) {
      const some = takeSome(this.#waiting.get(partition) ?? []);
      if (some.length === 0) break;
      await this.#writeSome(some);
    }
    this.#waiting.delete(partition);
    this.#busy.delete(partition);
  }

  async #writeSome(writes: Write[]): Promise<void> {
    for (let left = writes; left.length > 0; ) {
      try {
        await this.#submit(left.flatMap(({ actions }) => actions));
        for (const { resolve } of left) resolve(true);
        return;
      } catch (error) {
        if (!isConditionFailed(error)) {
          for (const { reject } of left) reject(error);
          return;
        }
        const refused = left.length === 1 ? left[0] : refusedOf(left, error);
        if (refused === undefined) {
          for (const write of left) await this.#writeSome([write]);
          return;
        }
        refused.resolve(false);
        left = left.filter((write) => write !== refused);
      }
    }
  }

  #submit(actions: readonly TableAction[]): Promise<unknown> {
    return this.#connection.call((client, options) => {
      const [kind, entity, , condition] = actions[0] as readonly [string, TableEntityLike, string?, { etag: string }?];
      if (actions.length > 1) return client.submitTransaction(actions as never, options);
      if (kind === "create") return client.createEntity(entity as never, options);
      return client.updateEntity(entity as never, "Replace", { ...options, etag: condition?.etag ?? "" });
    });
  }
}

/** What fits into one transaction, in which no entity may be twice. */
function takeSome(waiting: Write[]): Write[] {
  const some: Write[] = [];
  const rows = new Set<string | undefined>();
  let actions = 0;
  let length = 0;
  for (let index = 0; index < waiting.length; ) {
    const write = waiting[index] as Write;
    const isTwice = write.actions.some(([, { rowKey }]) => rows.has(rowKey));
    if (some.length > 0 && (isTwice || actions + write.actions.length > maxActions || length + write.length > maxLength)) {
      index += 1;
      continue;
    }
    waiting.splice(index, 1);
    some.push(write);
    for (const [, { rowKey }] of write.actions) rows.add(rowKey);
    actions += write.actions.length;
    length += write.length;
  }
  return some;
}

/** The service tells which of its actions was refused, before anything else it says. */
function refusedOf(writes: readonly Write[], error: unknown): Write | undefined {
  const place = /^(\d+):/.exec(String((error as Error).message))?.[1];
  if (place === undefined) return undefined;
  let seen = 0;
  for (const write of writes) {
    seen += write.actions.length;
    if (Number(place) < seen) return write;
  }
  return undefined;
}
