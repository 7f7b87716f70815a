import type { CheckpointReport, NewCheckpoint, ParkReport } from "../ports/store-settle.ts";
import { settingsOf } from "./durable-settings.ts";
import type { AttemptHost, BeginAttempt } from "./running-attempt.ts";
import { WorkerHost, type WorkerHostOptions } from "./worker-host.ts";
import type { WorkerLease } from "./worker-lease.ts";
import { WorkerMachineKeeper } from "./worker-machine-keeper.ts";
import type { WorkerParts } from "./worker-parts.ts";
import { createWorkerSlots } from "./worker-slots.ts";

const defaultMaxCheckpointBytes = 1_048_576;

/** What attempts need of the worker that holds their leases. */
export interface AttemptLeases {
  /** @throws {LeaseLostError} when there is none to begin under. */
  leaseOf(executionId: string): WorkerLease;
  save(lease: WorkerLease, checkpoint?: NewCheckpoint): Promise<CheckpointReport>;
  park(lease: WorkerLease, checkpoint: NewCheckpoint, wakeInMs: number | undefined): Promise<ParkReport>;
  progressed(lease: WorkerLease): void;
  lost(lease: WorkerLease, why: string): void;
  parked(lease: WorkerLease): void;
  /** There are signals that it has not read. */
  refusedPark(lease: WorkerLease): void;
}

/** Begins attempts as in memory, under leases, with what they save going to the store. */
export function createLeasedAttempts(parts: WorkerParts, leases: AttemptLeases): BeginAttempt {
  const { options, fleetOptions, machineId } = parts;
  const { machineVersion, maxCheckpointBytes = defaultMaxCheckpointBytes } = options;
  const slots = createWorkerSlots(parts);
  const hostOptions: WorkerHostOptions = {
    ...{ slots, machineId, machineVersion, maxCheckpointBytes },
    save: (lease, checkpoint) => leases.save(lease, checkpoint),
    progressed: (lease) => leases.progressed(lease),
    lost: (lease, why) => leases.lost(lease, why),
  };
  return (input, host) => {
    const lease = leases.leaseOf(host.executionId);
    const keeper = typeof options.orchestrator === "function" ? undefined : createKeeper(parts, leases, lease, host);
    return fleetOptions.begin(input, new WorkerHost(host, lease, hostOptions, settingsOf(options, lease.execution.settings), keeper));
  };
}

function createKeeper(
  { options, fleetOptions, machineId }: WorkerParts,
  leases: AttemptLeases,
  lease: WorkerLease,
  host: AttemptHost,
): WorkerMachineKeeper {
  const keeper = new WorkerMachineKeeper(lease, {
    clock: fleetOptions.clock,
    machineId,
    machineVersion: options.machineVersion,
    maxCheckpointBytes: options.maxCheckpointBytes ?? defaultMaxCheckpointBytes,
    policy: options.checkpoint ?? "every",
    restore: options.restore ?? {},
    remainingMs: () => host.remainingMs(),
    save: (held, checkpoint) => leases.save(held, checkpoint),
    park: (held, checkpoint, wakeInMs) => leases.park(held, checkpoint, wakeInMs),
    lost: (held, why) => leases.lost(held, why),
    parked: (held) => leases.parked(held),
    refusedPark: (held) => leases.refusedPark(held),
  });
  lease.keeper = keeper;
  return keeper;
}
