const reference = /^\$\{[^{}]+\}$/;
const hidden = "[secret]";

/**
 * A value that must not be shown. JSON, `util.inspect`, string conversion and error messages give `[secret]` in its place;
 * only `reveal()` gives the value. A reference such as `${LLM_API_KEY}` is no secret and is written out, so that stored settings still work.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, or the reference to the environment as it was written. */
  reveal(): string {
    return this.#value;
  }

  toJSON(): string {
    return reference.test(this.#value) ? this.#value : hidden;
  }

  toString(): string {
    return this.toJSON();
  }

  [Symbol.toPrimitive](): string {
    return this.toJSON();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toJSON();
  }

  /** True for text that a secret left behind when it was written as JSON: the value is gone. */
  static isHiddenText(text: string): boolean {
    return text === hidden;
  }
}
