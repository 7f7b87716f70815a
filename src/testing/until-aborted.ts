type Settle<Result> = { resolve: (result: Result) => void; reject: (error: unknown) => void };

/**
 * A promise that settles as `begin` settles it, or rejects with the signal's reason once that is aborted, whichever is first. What `begin`
 * returns is called when the signal was first, and undoes what it began.
 */
export function untilAborted<Result>(signal: AbortSignal, begin: (settle: Settle<Result>) => () => void): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let undo = (): void => {};
    const abort = (): void => {
      undo();
      reject(signal.reason);
    };
    // A signal may live longer than what waits for it, so the listener goes away with the wait.
    const stop = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    undo = begin({
      resolve: (result) => {
        stop();
        resolve(result);
      },
      reject: (error) => {
        stop();
        reject(error);
      },
    });
  });
}
