/** A transaction whose callback cannot wait for answers: told why a start in it was refused, it commits nothing. */
interface RefusableTransaction {
  refuse(error: unknown): void;
  /** It has been told, and has not ended yet. */
  readonly refused: boolean;
}

/** To be called before the transaction can end; one that its caller ends is told by the start's rejection alone. */
export function refuseTransaction(transaction: unknown, error: unknown): void {
  if (canRefuse(transaction)) transaction.refuse(error);
}

/** Runs what may refuse a start before the store is asked. */
export function refusing<Result>(transaction: unknown, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    refuseTransaction(transaction, error);
    throw error;
  }
}

/** Where the transaction rejects with it, nobody needs to listen to the start as well. */
export function toldByTransaction<Result>(transaction: unknown, started: Promise<Result>): Promise<Result> {
  if (canRefuse(transaction) && transaction.refused) started.catch(() => {});
  return started;
}

function canRefuse(transaction: unknown): transaction is RefusableTransaction {
  return typeof (transaction as Partial<RefusableTransaction> | null | undefined)?.refuse === "function";
}
