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

/** `scope.checkpoint` saved and then gave the execution back, because its worker is closing or its time budget is used up. */
export class YieldedError extends ActorfleetError {
  readonly code = "YIELDED";
  readonly executionId: string;

  constructor(executionId: string) {
    super(`execution ${JSON.stringify(executionId)} was saved and given back; another worker goes on with it`);
    this.executionId = executionId;
  }
}
