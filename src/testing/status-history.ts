import { type ExecutionInfo, type ExecutionStatus, isFinalStatus } from "../model/execution.ts";

interface Sighting {
  readonly status: ExecutionStatus;
  /** Undefined when the record was gone already as the status was told. */
  readonly info: ExecutionInfo | undefined;
}

interface Wait {
  readonly status: ExecutionStatus;
  resolve(info: ExecutionInfo): void;
  reject(error: Error): void;
}

/** The statuses one execution has had, and who waits for which. */
export class StatusHistory {
  readonly #name: string;
  readonly #sightings: Sighting[] = [];
  #waits: readonly Wait[] = [];
  #over = false;

  constructor(executionId: string) {
    this.#name = `execution ${JSON.stringify(executionId)}`;
  }

  get statuses(): ExecutionStatus[] {
    return this.#sightings.map(({ status }) => status);
  }

  get isEmpty(): boolean {
    return this.#sightings.length === 0;
  }

  /** Nothing more will come: the execution has ended, or its record is gone. */
  get isOver(): boolean {
    return this.#over;
  }

  /** A status told twice in a row counts once, with the later record. */
  add(status: ExecutionStatus, info: ExecutionInfo | undefined): void {
    if (this.#sightings.at(-1)?.status === status) this.#sightings.pop();
    this.#sightings.push({ status, info });
    if (isFinalStatus(status)) this.#over = true;
    this.#settleWaits();
  }

  end(): void {
    this.#over = true;
    this.#settleWaits();
  }

  waitFor(status: ExecutionStatus): Promise<ExecutionInfo> {
    return new Promise((resolve, reject) => {
      this.#waits = [...this.#waits, { status, resolve, reject }];
      this.#settleWaits();
    });
  }

  abandonWaits(): void {
    for (const { status, reject } of this.#waits) reject(new Error(`the spy was disposed of before ${this.#name} was ${status}`));
    this.#waits = [];
  }

  #settleWaits(): void {
    this.#waits = this.#waits.filter((wait) => !this.#settle(wait));
  }

  /** Whether the wait is over. */
  #settle({ status, resolve, reject }: Wait): boolean {
    const sighting = this.#sightings.findLast((candidate) => candidate.status === status);
    if (sighting?.info !== undefined) resolve(sighting.info);
    else if (sighting !== undefined) reject(new Error(`${this.#name} was ${status}, but its record is gone`));
    else if (this.#over) reject(this.#missed(status));
    else return false;
    return true;
  }

  #missed(status: ExecutionStatus): Error {
    const had = this.statuses.join(", ") || "nothing that was seen";
    const cause = this.#sightings.at(-1)?.info?.error;
    return new Error(`${this.#name} ended without being ${status}; it was ${had}`, cause && { cause });
  }
}
