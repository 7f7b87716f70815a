import sortedBtree from "sorted-btree";

// The package is CommonJS: its class is the default export for some bundlers and a member of it for Node.
const BTree = "default" in sortedBtree ? sortedBtree.default : (sortedBtree as never);

/** Values in the order of their numbers; every call is O(log n). */
export type SortedMap<Value> = InstanceType<typeof BTree<number, Value>>;

export function createSortedMap<Value>(): SortedMap<Value> {
  return new BTree<number, Value>(undefined, (a, b) => a - b);
}
