/** One promise, and how to check it. Runs under any test runner: it resolves when the promise is kept and rejects when not. */
export interface ContractCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}
