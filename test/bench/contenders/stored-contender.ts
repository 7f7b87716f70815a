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
  /** It can start many with one call. */
  readonly startsMany: boolean;
  open(setting: StoredSetting): Promise<StoredSubject>;
}

/** One that keeps them in Postgres. */
export interface StoredContender extends Contender {
  /** How many it has accepted that have not ended. */
  readonly unfinishedSql: string;
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
