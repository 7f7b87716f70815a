import { describe } from "vitest";

/**
 * A suite that needs something of the machine, such as a server. Where that is missing the suite is skipped, with the reason in its name;
 * in CI it fails instead, because a promise that nobody has checked is not kept.
 */
export function describeWith(missing: string | undefined, name: string, suite: () => void): void {
  const skip = missing !== undefined && process.env.CI !== "true";
  describe.skipIf(skip)(skip ? `${name} (not here: ${missing})` : name, suite);
}
