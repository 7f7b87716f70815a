import type { createCoordinator } from "../../src/index.ts";

/** `createCoordinator` of the library, or of a copy with a fault in it. */
export type CoordinatorMaker = typeof createCoordinator;
