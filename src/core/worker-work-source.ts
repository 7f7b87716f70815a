import type { ClaimReport, MachineSelector } from "../ports/store-claim.ts";
import type { WorkerParts } from "./worker-parts.ts";
import { WorkerQueue } from "./worker-queue.ts";

/** Where a worker's claims come from. */
interface WorkSource {
  claim(claimId: string, limit: number): Promise<ClaimReport>;
  /** What says what to claim, where the store is not its own queue. */
  readonly queue: WorkerQueue | undefined;
}

interface WorkSourceOptions {
  /** How many more the worker would run now; 0 while it claims nothing. */
  room(): number;
  /** A message has come. */
  arrived(): void;
}

export function createWorkSource(parts: WorkerParts, { room, arrived }: WorkSourceOptions): WorkSource {
  const { options, fleetOptions, patience, owner, stint } = parts;
  const { store, queue: messages, name, leaseMs = 30_000, pollMs = 500, maxConcurrentPerGroup, rateLimit } = options;
  const { clock, reportError, maxOfGroup } = fleetOptions;
  const runs = runnableBy(parts);
  const claim = (claimId: string, limit: number, ids?: readonly string[]) =>
    store.claim({
      ...{ name, owner, claimId, limit, leaseMs, ...runs },
      ...(ids !== undefined && { ids }),
      ...(maxConcurrentPerGroup !== undefined && { groupLimit: maxOfGroup }),
      ...(rateLimit !== undefined && { rateLimit }),
    });
  if (messages === undefined) return { claim, queue: undefined };
  const queue = new WorkerQueue({
    ...{ queue: messages, name, clock, patience, leaseMs, pollMs, room, claim, arrived, reportError },
    onlyMessages: stint !== undefined,
    get: (ids) => store.get(name, ids),
  });
  return { claim: (claimId, limit) => queue.claim(claimId, limit), queue };
}

/** What a worker with these parts can run. */
export function runnableBy({ options: { restore, machineVersion }, machineId }: WorkerParts): MachineSelector {
  if (restore?.migrate !== undefined) return { machineId, versions: "any" };
  return { machineId, versions: machineVersion === undefined ? [] : [machineVersion] };
}
