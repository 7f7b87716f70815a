import { UnknownWordError } from "./conformance-case.ts";

/** A block of a case that is read word by word; `done` finds the words that nobody read. */
export class Words {
  readonly #block: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #read = new Set<string>();

  constructor(block: unknown, where: string) {
    if (typeof block !== "object" || block === null || Array.isArray(block)) throw new UnknownWordError(`${where} is no object`);
    this.#block = block as Readonly<Record<string, unknown>>;
    this.#where = where;
  }

  get isEmpty(): boolean {
    return Object.keys(this.#block).length === 0;
  }

  has(word: string): boolean {
    return Object.hasOwn(this.#block, word);
  }

  any(word: string): unknown {
    this.#read.add(word);
    return this.has(word) ? this.#block[word] : undefined;
  }

  text(word: string): string | undefined {
    return this.#typed(word, "string") as string | undefined;
  }

  number(word: string): number | undefined {
    return this.#typed(word, "number") as number | undefined;
  }

  flag(word: string): boolean | undefined {
    return this.#typed(word, "boolean") as boolean | undefined;
  }

  list(word: string): readonly unknown[] | undefined {
    const value = this.any(word);
    if (value !== undefined && !Array.isArray(value)) throw new UnknownWordError(`${this.#where}.${word} is no list`);
    return value as readonly unknown[] | undefined;
  }

  texts(word: string): readonly string[] | undefined {
    const values = this.list(word);
    if (values?.some((value) => typeof value !== "string")) throw new UnknownWordError(`${this.#where}.${word} is no list of texts`);
    return values as readonly string[] | undefined;
  }

  block(word: string): Words | undefined {
    const value = this.any(word);
    return value === undefined ? undefined : new Words(value, `${this.#where}.${word}`);
  }

  blocks(word: string): readonly Words[] | undefined {
    return this.list(word)?.map((value, index) => new Words(value, `${this.#where}.${word}[${index}]`));
  }

  /** Every word with its value; all count as read. */
  entries(): readonly (readonly [string, unknown])[] {
    for (const word of Object.keys(this.#block)) this.#read.add(word);
    return Object.entries(this.#block);
  }

  /** Throws if a word was not read. */
  done(): void {
    const unread = Object.keys(this.#block).find((word) => !this.#read.has(word));
    if (unread !== undefined) throw new UnknownWordError(`${this.#where}.${unread}`, this.#read);
  }

  unknown(word: string): UnknownWordError {
    return new UnknownWordError(`${this.#where}.${word} = ${JSON.stringify(this.#block[word])}`);
  }

  #typed(word: string, type: "string" | "number" | "boolean"): unknown {
    const value = this.any(word);
    if (value !== undefined && typeof value !== type) throw new UnknownWordError(`${this.#where}.${word} is no ${type}`);
    return value;
  }
}
