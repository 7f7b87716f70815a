import { type ChildProcess, spawn } from "node:child_process";

export interface ServerProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly runAs?: { readonly uid: number; readonly gid: number } | undefined;
  /** It has processes of its own that end with it, however it ends. */
  readonly group?: boolean;
}

/** A program that serves, which may be started again after its end. It ends with this process at the latest. */
export interface ServerProcess {
  readonly isRunning: boolean;
  readonly pid: number | undefined;
  /** The last of what it printed. */
  readonly log: string;
  /** Starts it; resolves with true once it has printed this text, with false when it ends before. */
  launch(line: string): Promise<boolean>;
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Ends it for good. */
  dispose(signal: NodeJS.Signals): Promise<void>;
  /** Sends a signal and waits for nothing, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void;
}

const longestLog = 4_000;

export function serverProcess({ command, args, env, cwd, runAs, group = false }: ServerProcessOptions): ServerProcess {
  let running: ChildProcess | undefined;
  let log = "";
  const send = (child: ChildProcess, signal: NodeJS.Signals) => {
    try {
      if (group && child.pid !== undefined) process.kill(-child.pid, signal);
      else child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  const killAtExit = () => void (running && send(running, "SIGKILL"));
  process.on("exit", killAtExit);
  const end = async (signal: NodeJS.Signals) => {
    const child = running;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    send(child, signal);
    await ended;
  };
  return {
    get isRunning() {
      return running !== undefined;
    },
    get pid() {
      return running?.pid;
    },
    get log() {
      return log;
    },
    launch: (line) =>
      new Promise<boolean>((resolve, reject) => {
        const child = spawn(command, args, {
          stdio: ["ignore", "pipe", "pipe"],
          detached: group,
          ...(env !== undefined && { env }),
          ...(cwd !== undefined && { cwd }),
          ...runAs,
        });
        running = child;
        log = "";
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding("utf8").on("data", (text: string) => {
            log = `${log}${text}`.slice(-longestLog);
            if (log.includes(line)) resolve(true);
          });
        }
        child.on("error", reject);
        child.on("exit", () => {
          if (running === child) running = undefined;
          resolve(false);
        });
      }),
    end,
    async dispose(signal) {
      await end(signal);
      process.off("exit", killAtExit);
    },
    signal: (signal) => void (running && send(running, signal)),
  };
}
