import { describe } from "vitest";
import { findPostgres } from "./postgres-binaries.ts";

const found = findPostgres();
const missing = typeof found === "string" && process.env.CI !== "true" ? found : undefined;

/**
 * A suite that starts a Postgres. Where none can run it is skipped, with the reason in its name; in CI it fails instead, because a promise
 * that nobody has checked is not kept.
 */
export function describeWithPostgres(name: string, suite: () => void): void {
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, suite);
}
