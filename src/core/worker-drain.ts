import { StoreUnavailableError } from "../model/store-errors.ts";
import type { WorkerParts } from "./worker-parts.ts";

/** Between two looks of a worker that holds nothing and finds nothing. */
const lookMs = 50;

export interface WorkerDrainOptions {
  holdsNothing(): boolean;
  /** It takes nothing more. */
  isOver(): boolean;
  /** Asks for work; resolves to true when time alone would bring nothing more. */
  findsNothing(): Promise<boolean>;
  /** A claim is under way, or is to be repeated. */
  mayBring(): boolean;
}

/** Those who wait until a worker has nothing to do. What is parked has left its process, whenever it will wake. */
export class WorkerDrain {
  readonly #parts: WorkerParts;
  readonly #options: WorkerDrainOptions;
  #waiting: (() => void)[] = [];

  constructor(parts: WorkerParts, options: WorkerDrainOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Resolves when the worker holds nothing and finds nothing more. */
  async run(): Promise<void> {
    const { holdsNothing, isOver, findsNothing } = this.#options;
    const { patience } = this.#parts;
    const { pollMs = 500 } = this.#parts.options;
    for (;;) {
      if (!holdsNothing()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (isOver()) return;
      const nothing = (await findsNothing()) || (await this.#nothingIsQueued());
      if (nothing && holdsNothing()) return;
      if (holdsNothing()) await patience.wait(Math.min(pollMs, lookMs));
    }
  }

  /** The worker holds nothing now, or is closed. */
  look(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** What claims have found to be due later is parked, all of it. */
  async #nothingIsQueued(): Promise<boolean> {
    const { holdsNothing, mayBring } = this.#options;
    const { options, patience, fleetOptions } = this.#parts;
    const { store, name } = options;
    if (!holdsNothing() || mayBring()) return false;
    try {
      const { items } = await patience.call(() => store.list({ name, status: "queued", limit: 1 }));
      return items.length === 0 && !mayBring();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) fleetOptions.reportError(error);
      return false;
    }
  }
}
