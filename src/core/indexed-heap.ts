/** What a heap needs of its items: a place to note where in the heap they are. */
export interface HeapItem {
  /** −1 while in no heap. An item can be in one heap at a time. */
  heapIndex: number;
}

/** A binary heap whose items know their place, so that any of them is removed or moved in O(log n). */
export class IndexedHeap<Item extends HeapItem> {
  readonly #items: Item[] = [];
  readonly #before: (a: Item, b: Item) => boolean;

  /** `before(a, b)`: whether `a` comes out first. Must be a strict order. */
  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  pop(): Item | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Does nothing when the item is in no heap. */
  remove(item: Item): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop() as Item;
    if (last === item) return;
    this.#place(last, index);
  }

  /** Puts an item right whose order has changed. */
  update(item: Item): void {
    this.#place(item, item.heapIndex);
  }

  /** All items, in no particular order. */
  values(): Iterable<Item> {
    return this.#items.values();
  }

  #place(item: Item, index: number): void {
    const parent = this.#items[(index - 1) >> 1];
    if (index > 0 && parent !== undefined && this.#before(item, parent)) this.#rise(item, index);
    else this.#sink(item, index);
  }

  #rise(item: Item, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex] as Item;
      if (!this.#before(item, parent)) break;
      this.#set(parent, index);
      index = parentIndex;
    }
    this.#set(item, index);
  }

  #sink(item: Item, from: number): void {
    const size = this.#items.length;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= size) break;
      let child = this.#items[childIndex] as Item;
      const right = this.#items[childIndex + 1];
      if (right !== undefined && this.#before(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (!this.#before(child, item)) break;
      this.#set(child, index);
      index = childIndex;
    }
    this.#set(item, index);
  }

  #set(item: Item, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
