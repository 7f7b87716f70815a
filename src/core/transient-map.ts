/**
 * A map whose values come and go all the time. An engine's map that outgrows a table leaves the old one pointing to the new one, so that once
 * one of them is old, whatever was in any of them is kept until the next full collection; here, a value is let go of when it is deleted.
 */
export class TransientMap<Key, Value> {
  readonly #holders = new Map<Key, { value: Value | undefined }>();

  get size(): number {
    return this.#holders.size;
  }

  get(key: Key): Value | undefined {
    return this.#holders.get(key)?.value;
  }

  set(key: Key, value: Value): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) this.#holders.set(key, { value });
    else holder.value = value;
  }

  delete(key: Key): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    holder.value = undefined;
    this.#holders.delete(key);
  }

  /** In the order in which their keys came. */
  values(): Value[] {
    return Array.from(this.#holders.values(), ({ value }) => value as Value);
  }
}
