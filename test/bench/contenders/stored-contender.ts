/** What a contender is opened with. */
export interface StoredSetting {
  /** A database of its own. */
  readonly connectionString: string;
  /** What it lets run at the same time. */
  readonly concurrency: number;
  /** Called when an execution begins. */
  begun(input: number): void;
}

/** Something that keeps executions in Postgres and runs them in this process. */
export interface StoredContender {
  readonly name: string;
  /** It can start many with one call. */
  readonly startsMany: boolean;
  /** How many it has accepted that have not ended. */
  readonly unfinishedSql: string;
  open(setting: StoredSetting): Promise<StoredSubject>;
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
