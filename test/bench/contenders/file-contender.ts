/** What a contender is opened with. */
export interface FileSetting {
  readonly filename: string;
  readonly synchronous: "NORMAL" | "FULL";
  /** What it lets run at the same time; 0 for one that only starts. */
  readonly concurrency: number;
  /** Called when an execution begins. */
  begun(input: number): void;
  /** Called when its end is stored. */
  ended(): void;
}

/** Something that keeps executions in a SQLite file and runs them in this process. */
export interface FileContender {
  readonly name: string;
  /** Of the module that exports it. */
  readonly url: string;
  open(setting: FileSetting): Promise<FileSubject>;
}

/** A contender at work. */
interface FileSubject {
  /** One execution by a call of its own; resolves when it is stored. */
  start(input: number): Promise<unknown>;
  /** All by one call. */
  startMany(inputs: readonly number[]): Promise<unknown>;
  /** What was started runs from now on. */
  work(): void;
  close(): Promise<void>;
}
