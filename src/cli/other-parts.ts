import type { Serve } from "./dashboard-command.ts";
import type { Simulate } from "./simulate-command.ts";

/** What commands take from parts that have not come yet; a command is there once its line is. */
interface OtherParts {
  simulate?: () => Promise<Simulate>;
  serve?: () => Promise<Serve>;
}

export const otherParts: OtherParts = {
  // simulate: async () => (await import("../testing/index.ts")).simulate,
  // serve: async () => (await import("../http/index.ts")).serve,
};
