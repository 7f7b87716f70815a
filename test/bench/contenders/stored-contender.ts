import type { ServerWatch } from "./server-watch.ts";

/** What a contender is opened with. */
export interface StoredSetting {
  /** A database, or a server, of its own. */
  readonly connectionString: string;
  /** What it lets run at the same time. */
  readonly concurrency: number;
  /** Called when an execution begins. */
  begun(input: number): void;
}

/** Something that keeps executions in a server and runs them in this process. */
export interface Contender {
  readonly name: string;
  /** Of the module that exports it. */
  readonly url: string;
  /** It can start many with one call. */
  readonly startsMany: boolean;
  open(setting: StoredSetting): Promise<StoredSubject>;
  watch(connectionString: string): Promise<ServerWatch>;
}

/** A contender at work. */
export interface StoredSubject {
  /** One execution by a call of its own; resolves when it is stored. */
  start(input: number): Promise<unknown>;
  startMany(inputs: readonly number[]): Promise<unknown>;
  /** What was started runs from now on. */
  work(): Promise<void>;
  close(): Promise<void>;
}
