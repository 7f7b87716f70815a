import { ActorfleetError } from "./errors.ts";

/** The store or queue cannot be reached, is full, or did not answer in time. Whether the write happened is unknown; repeating it is safe. */
export class StoreUnavailableError extends ActorfleetError {
  readonly code = "STORE_UNAVAILABLE";

  constructor(what: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause });
  }
}

/** The data was written by a newer version of the library than this one. */
export class SchemaVersionError extends ActorfleetError {
  readonly code = "SCHEMA_VERSION_UNSUPPORTED";
  readonly found: number;
  readonly supported: number;

  constructor({ where, found, supported }: { where: string; found: number; supported: number }) {
    super(`${where} has schema version ${found}, this version of actorfleet knows up to ${supported}: update actorfleet in this process`);
    this.found = found;
    this.supported = supported;
  }
}

/** Another worker has, or may have, taken over: nothing this one writes about the execution counts any more. */
export class LeaseLostError extends ActorfleetError {
  readonly code = "LEASE_LOST";
  readonly executionId: string;

  constructor(executionId: string, why: string) {
    super(`the lease of execution ${JSON.stringify(executionId)} is lost: ${why}`);
    this.executionId = executionId;
  }
}

/** Its workers lost their leases more often than `maxTakeovers` allows: it may be what kills them. */
export class ExecutionLostError extends ActorfleetError {
  readonly code = "EXECUTION_LOST";
  readonly executionId: string;

  constructor(executionId: string) {
    super(lostMessage);
    this.executionId = executionId;
  }
}

const lostMessage = "workers lost its lease more often than maxTakeovers allows; they may have died of it";

/** The error that a sweep stores with an execution it gives up. */
export const lostErrorText = JSON.stringify({ name: "ExecutionLostError", message: lostMessage, code: "EXECUTION_LOST" });

/** An optional package is not installed. */
export class MissingDependencyError extends ActorfleetError {
  readonly code = "MISSING_DEPENDENCY";
  readonly packageName: string;

  constructor({ packageName, usedBy, cause }: { packageName: string; usedBy: string; cause?: unknown }) {
    super(`the ${usedBy} needs the "${packageName}" package. Run: npm install ${packageName}`, { cause });
    this.packageName = packageName;
  }
}

/** The adapter cannot do this; its `capabilities` say so beforehand. */
export class UnsupportedOperationError extends ActorfleetError {
  readonly code = "OPERATION_UNSUPPORTED";

  constructor(what: string) {
    super(what);
  }
}
