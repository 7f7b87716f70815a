import type { StoreNotice } from "../../ports/store-message.ts";
import { type RecordMethods, type RecordWork, recordMethods } from "../records/record-store.ts";
import type { Depth } from "./document-record.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";
import { inParallel } from "./in-parallel.ts";

/** Runs the calls of `ExecutionStore` on single executions: a batch is as many changes, each for itself. */
export class DocumentCalls {
  readonly #rows: DocumentRows;
  readonly #atOnce: number;
  readonly #tell: (name: string, notice: StoreNotice) => void;

  constructor(rows: DocumentRows, atOnce: number, tell: (name: string, notice: StoreNotice) => void) {
    this.#rows = rows;
    this.#atOnce = atOnce;
    this.#tell = tell;
  }

  /** Calls once per execution, with the items that concern it; the reports come in the order of the items. */
  async each<Item extends { readonly id: string }, Report>(
    name: string,
    items: readonly Item[],
    depth: Depth,
    call: (methods: RecordMethods, some: [Item, ...Item[]]) => Promise<readonly Report[]>,
  ): Promise<Report[]> {
    const places = new Map<string, number[]>();
    for (const [index, { id }] of items.entries()) places.set(id, [...(places.get(id) ?? []), index]);
    const ids = [...places.keys()];
    const loaded = await this.#rows.load(name, ids, depth);
    const reports: Report[] = new Array(items.length);
    await inParallel(ids, this.#atOnce, async (id, index) => {
      const at = places.get(id) as number[];
      const some = at.map((place) => items[place]) as [Item, ...Item[]];
      const got = await call(this.#methodsOf(name, id, depth, loaded[index]), some);
      for (const [turn, place] of at.entries()) reports[place] = got[turn] as Report;
    });
    return reports;
  }

  /** Calls once for each of these. */
  async eachLoaded<Report>(
    name: string,
    loaded: readonly LoadedRecord[],
    depth: Depth,
    call: (methods: RecordMethods, id: string) => Promise<Report>,
  ): Promise<Report[]> {
    return inParallel(loaded, this.#atOnce, (each) => call(this.#methodsOf(name, each.record.id, depth, each), each.record.id));
  }

  #methodsOf(name: string, id: string, depth: Depth, guess: LoadedRecord | undefined): RecordMethods {
    const run = async <Result>(_: string, work: RecordWork<Result>): Promise<Result> => {
      let told: StoreNotice[] = [];
      const result = await this.#rows.change(name, id, depth, guess, (space, now) => {
        told = [];
        return work(space, now, (notice) => told.push(notice));
      });
      for (const notice of told) this.#tell(name, notice);
      return result;
    };
    return recordMethods({ read: run, write: run });
  }
}
