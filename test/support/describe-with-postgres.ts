import { describeWith } from "./describe-with.ts";
import { findPostgres } from "./postgres-binaries.ts";

const found = findPostgres();

/** A suite that starts a Postgres. */
export function describeWithPostgres(name: string, suite: () => void): void {
  describeWith(typeof found === "string" ? found : undefined, name, suite);
}
