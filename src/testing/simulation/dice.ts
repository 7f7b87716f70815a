import { seededRandom } from "../seeded-random.ts";

/** What chance decides in a simulated run: always the same for the same seed. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** From [0, 1). */
  next(): number {
    return this.#random();
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.int(0, items.length - 1)] as Item;
  }

  /** Dice of their own, whose throws do not depend on how often these are thrown. */
  fork(): Dice {
    return new Dice(this.int(0, 2 ** 31));
  }
}
