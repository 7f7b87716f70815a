/** How a command ends; the exit code of its process. */
export const exitCodes = {
  done: 0,
  /** The answer is no: there is no such execution, it has ended, or it does not take the signal. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The store or server is not there, or does not work. */
  unreachable: 3,
} as const;

/** Ends the command with a message for people. */
export class CommandError extends Error {
  readonly exitCode: number;
  readonly code: string;

  constructor(ending: "refused" | "usage" | "unreachable", code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCodes[ending];
    this.code = code;
  }
}
