import { type ChildProcess, spawn } from "node:child_process";
import { bundleProgram } from "../support/program-bundle.ts";
import type { WorkerOrder } from "./worker-program.ts";

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly id: string;
  /** Resolves when it has opened its store and asks for work. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone, for whatever reason. */
  readonly gone: Promise<void>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** In good order. */
  close(): Promise<void>;
}

/** Starts worker processes and ends them; all run one bundle. */
export class WorkerProcesses {
  /** What they wrote to their standard error, and ends that nobody asked for. */
  readonly problems: string[] = [];
  readonly #program: string;
  readonly #order: Omit<WorkerOrder, "workerId">;
  readonly #alive = new Set<WorkerProcess>();
  #count = 0;

  private constructor(program: string, order: Omit<WorkerOrder, "workerId">) {
    this.#program = program;
    this.#order = order;
  }

  static async prepare(order: Omit<WorkerOrder, "workerId">): Promise<WorkerProcesses> {
    return new WorkerProcesses(await bundleProgram(new URL("worker-program.ts", import.meta.url)), order);
  }

  get alive(): WorkerProcess[] {
    return [...this.#alive];
  }

  /** `mayDie`: its own work may end it. `store`: where it finds the store, when not where the others do. */
  start({ mayDie = false, store = this.#order.store } = {}): WorkerProcess {
    this.#count += 1;
    const order: WorkerOrder = { ...this.#order, store, workerId: `worker-${this.#count}` };
    const child = spawn(process.execPath, [this.#program, JSON.stringify(order)], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const worker = this.#watch(child, order.workerId, mayDie);
    this.#alive.add(worker);
    return worker;
  }

  /** Ends all that are left. */
  async close(): Promise<void> {
    await Promise.all(this.alive.map((worker) => worker.close()));
  }

  #watch(child: ChildProcess, id: string, mayDie: boolean): WorkerProcess {
    let isWanted = mayDie;
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const gone = new Promise<void>((resolve) => {
      child.on("close", (code, signal) => {
        this.#alive.delete(worker);
        if (errors !== "") this.problems.push(`${id} wrote: ${errors}`);
        if (!isWanted || (code !== null && code !== 0)) this.problems.push(`${id} ended with ${code ?? signal}`);
        resolve();
      });
    });
    const end = async (how: () => void) => {
      isWanted = true;
      how();
      await gone;
    };
    const worker: WorkerProcess = {
      id,
      ready: new Promise((resolve) => child.once("message", () => resolve())),
      gone,
      kill: () => end(() => child.kill("SIGKILL")),
      freeze: () => void child.kill("SIGSTOP"),
      thaw: () => void child.kill("SIGCONT"),
      close: () =>
        end(() => {
          child.kill("SIGCONT");
          if (child.connected) child.send("close");
        }),
    };
    return worker;
  }
}
