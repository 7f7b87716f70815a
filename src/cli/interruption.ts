/** Whether and when somebody asked this process to end. */
export interface Interruption {
  readonly asked: Promise<void>;
  readonly isAsked: boolean;
}

/** From now on, Ctrl-C and a polite kill ask instead of ending the process. */
export function interruption(): Interruption {
  let isAsked = false;
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        isAsked = true;
        resolve();
      });
    }
  });
  return {
    asked,
    get isAsked() {
      return isAsked;
    },
  };
}
