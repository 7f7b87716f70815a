import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Fault } from "./fault.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A copy of the library outside the repository, with one fault in it. */
export interface FaultyCopy {
  /** What to import one of its files by. */
  urlOf(file: string): string;
  remove(): Promise<void>;
}

export async function makeFaultyCopy({ file, find, replace }: Fault): Promise<FaultyCopy> {
  const directory = await mkdtemp(join(tmpdir(), "actorfleet-fault-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    for (const part of ["src", "machines", "package.json"]) await cp(join(root, part), join(directory, part), { recursive: true });
    await symlink(join(root, "node_modules"), join(directory, "node_modules"), "junction");
    const source = await readFile(join(directory, file), "utf8");
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`the fault must fit exactly one place of ${file}, and fits ${places}: ${find}`);
    await writeFile(
      join(directory, file),
      source.replace(find, () => replace),
    );
    return { urlOf: (name) => pathToFileURL(join(directory, name)).href, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
