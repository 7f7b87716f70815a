import { machineKey } from "../../model/stored-execution.ts";
import type { ClaimRequest } from "../../ports/store-claim.ts";
import { factKey, spaceOf } from "./document-keys.ts";
import type { DocumentTable, NewDocument } from "./document-table.ts";

interface MachinesOptions {
  readonly table: DocumentTable;
  readonly version: () => string;
  readonly pause: (tries: number, what: string) => Promise<void>;
}

/**
 * Which machines and versions a coordinator has executions of: each has a ready group of its own, so that what nobody runs does not stand in
 * the way of the rest. One document, read once and again when it may have grown.
 */
export class DocumentMachines {
  readonly #options: MachinesOptions;
  readonly #known = new Map<string, Set<string>>();

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** Before the first record with this key is written: nobody would look for it. */
  async add(name: string, keys: readonly string[]): Promise<void> {
    const missing = new Set(keys.filter((key) => !this.#known.get(name)?.has(key)));
    if (missing.size === 0) return;
    const { table, version, pause } = this.#options;
    for (let tries = 1; ; tries++) {
      const [stored] = await table.get(spaceOf(name), [factKey("machines")]);
      const known = new Set<string>(stored === undefined ? [] : JSON.parse(stored.data));
      this.#known.set(name, known);
      if ([...missing].every((key) => known.has(key))) return;
      const data = JSON.stringify([...new Set([...known, ...missing])]);
      const next: NewDocument = { ...factKey("machines"), version: version(), data, places: {} };
      await table.put(spaceOf(name), next, stored);
      await pause(tries, `the list of machines of ${JSON.stringify(name)}`);
    }
  }

  /** Read now. */
  async all(name: string): Promise<readonly string[]> {
    const [stored] = await this.#options.table.get(spaceOf(name), [factKey("machines")]);
    const keys: string[] = stored === undefined ? [] : JSON.parse(stored.data);
    this.#known.set(name, new Set(keys));
    return keys;
  }

  /** Those that this worker runs. */
  async runBy(request: Pick<ClaimRequest, "name" | "machineId" | "versions">): Promise<readonly string[]> {
    const { name, machineId, versions } = request;
    if (versions !== "any") return [...new Set([undefined, ...versions])].map((version) => machineKey(machineId, version));
    return (await this.all(name)).filter((key) => key.startsWith(machineKey(machineId, "")));
  }
}
