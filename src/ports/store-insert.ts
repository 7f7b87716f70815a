import type { NewExecution } from "../model/stored-execution.ts";

/** New records, in the order of their start. */
export interface InsertRequest {
  readonly name: string;
  readonly executions: readonly NewExecution[];
  /** All or none: when one is refused, none is written; `existing` refuses nothing. Default: each for itself. */
  readonly atomic?: boolean;
  /** Refuse what would make more than so many queued records of this name; starts in flight may overshoot it. */
  readonly maxQueued?: number;
  /**
   * Writes with the caller's transaction, so that the records come and go with it: what `capabilities.transactions` says.
   * A store with handles writes before `insert` returns its promise, so call it synchronously within the transaction.
   */
  readonly transaction?: unknown;
  /** With a handle: called with the reports while the transaction can still be told to commit nothing. Must not throw. */
  reported?(reports: readonly InsertReport[]): void;
}

/** What became of one new record. */
export type InsertReport =
  | {
      readonly inserted: true;
      readonly id: string;
      readonly queuedAt: number;
      /** The same start token was here before: its answer had been lost. */
      readonly repeated: boolean;
    }
  | ({ readonly inserted: false } & InsertRefusal);

/**
 * Why a record was not written:
 * `existing` the idempotency key stands for an execution with the same input: that one is the answer, and no refusal;
 * `conflict` the same key, another input; `duplicate` the id is taken; `full` `maxQueued` is reached;
 * `unstorable` no store could keep it; `atomic` another record of the batch was refused.
 */
type InsertRefusal =
  | { readonly reason: "existing" | "conflict" | "duplicate"; readonly existingId: string }
  | { readonly reason: "full"; readonly queued: number }
  | { readonly reason: "unstorable"; readonly detail: string }
  | { readonly reason: "atomic" };
