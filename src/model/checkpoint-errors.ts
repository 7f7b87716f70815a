import { ActorfleetError } from "./errors.ts";

/** A saved execution does not fit the machine that should go on with it. */
export class CheckpointRefusedError extends ActorfleetError {
  readonly code = "CHECKPOINT_REFUSED";
  readonly executionId: string;

  constructor(executionId: string, why: string, cause?: unknown) {
    super(
      `the checkpoint of execution ${JSON.stringify(executionId)} cannot be restored: ${why}`,
      cause === undefined ? undefined : { cause },
    );
    this.executionId = executionId;
  }
}

/** A checkpoint is larger than `maxCheckpointBytes`. */
export class CheckpointTooLargeError extends ActorfleetError {
  readonly code = "CHECKPOINT_TOO_LARGE";
  readonly executionId: string;
  readonly bytes: number;
  readonly maxCheckpointBytes: number;

  constructor({ executionId, bytes, maxCheckpointBytes }: { executionId: string; bytes: number; maxCheckpointBytes: number }) {
    super(
      `the checkpoint of execution ${JSON.stringify(executionId)} has ${bytes} bytes, more than maxCheckpointBytes ${maxCheckpointBytes}`,
    );
    this.executionId = executionId;
    this.bytes = bytes;
    this.maxCheckpointBytes = maxCheckpointBytes;
  }
}

/** Told to a machine in place of the answer of an invoke that was at work when its process ended, where `restore.invokes` is `fail`. */
export class InvokeInterruptedError extends ActorfleetError {
  readonly code = "INVOKE_INTERRUPTED";
  readonly executionId: string;
  readonly invokeId: string;
  /** What the invoke was given to name its effects by: whether they happened can be asked with it. */
  readonly idempotencyKey: string;

  constructor({ executionId, invokeId, idempotencyKey }: { executionId: string; invokeId: string; idempotencyKey: string }) {
    super(`${JSON.stringify(invokeId)} was at work when its process ended: it is unknown how far it got`);
    this.executionId = executionId;
    this.invokeId = invokeId;
    this.idempotencyKey = idempotencyKey;
  }
}

/** `scope.checkpoint` saved and then gave the execution back, because its worker is closing or its time budget is used up. */
export class YieldedError extends ActorfleetError {
  readonly code = "YIELDED";
  readonly executionId: string;

  constructor(executionId: string) {
    super(`execution ${JSON.stringify(executionId)} was saved and given back; another worker goes on with it`);
    this.executionId = executionId;
  }
}
