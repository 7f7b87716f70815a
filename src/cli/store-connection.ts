import { toDurableInfo } from "../core/durable-info.ts";
import { createSystemClock } from "../core/system-clock.ts";
import { fromJsonText } from "../model/json-text.ts";
import type { StoredExecution } from "../model/stored-execution.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import type { FleetConnection, ShownExecution } from "./fleet-connection.ts";
import { openStoreClient } from "./store-client.ts";

/** A fleet in a store. @throws {CommandError} {@link MissingDependencyError} */
export async function connectToStore(options: ConnectionOptions): Promise<FleetConnection> {
  const { store, name, coordinator, close } = await openStoreClient(options);
  const clock = createSystemClock();
  return {
    list: (query) => coordinator.list(query),
    async get(id) {
      const [record] = await store.get(name, [id]);
      return record && toShown(record, clock.now());
    },
    stats: async () => ({ records: await coordinator.counts() }),
    cancel: (id, reason) => coordinator.cancel(id, reason),
    send: (id, event) => coordinator.send(id, event),
    close,
  };
}

/** What only the store knows comes after what everybody does. */
function toShown(record: StoredExecution, now: number): ShownExecution {
  const { machineId, machineVersion, idempotencyKey, owner, leaseExpiresAt, dueAt, timeoutMs, cancelRequestedAt, checkpoint } = record;
  const unread = record.lastSignal - record.consumedSignal;
  const stored = {
    ...{ machineId, machineVersion, idempotencyKey, owner, leaseExpiresAt, dueAt, timeoutMs, cancelRequestedAt },
    checkpointRevision: checkpoint?.revision,
    unreadSignals: unread > 0 && record.completedAt === undefined ? unread : undefined,
    input: fromJsonText(record.input),
  };
  const known = Object.entries(stored).filter(([, value]) => value !== undefined);
  return { ...toDurableInfo(record, now), ...Object.fromEntries(known) };
}
