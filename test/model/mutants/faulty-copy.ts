import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Fault } from "./fault.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A copy of the library outside the repository, as one file, with one fault in it. */
export interface FaultyCopy {
  /** What to import it by. */
  readonly url: string;
  remove(): Promise<void>;
}

/** `entry`: the file whose exports the copy has. One file of JavaScript is loaded several times faster than the sources. */
export async function makeFaultyCopy({ file, find, replace }: Fault, entry: string): Promise<FaultyCopy> {
  const directory = await mkdtemp(join(tmpdir(), "actorfleet-fault-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  const outfile = join(directory, "copy.mjs");
  try {
    const source = await readFile(join(root, file), "utf8");
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`the fault must fit exactly one place of ${file}, and fits ${places}: ${find}`);
    const contents = source.replace(find, () => replace);
    let isIn = false;
    await build({
      ...{ entryPoints: [join(root, entry)], outfile, bundle: true, platform: "node", format: "esm" },
      ...{ packages: "external", keepNames: true, logLevel: "silent" },
      plugins: [
        {
          name: "fault",
          setup: ({ onLoad }) =>
            onLoad({ filter: /\.ts$/ }, ({ path }) => {
              if (path !== join(root, file)) return undefined;
              isIn = true;
              return { contents, loader: "ts" };
            }),
        },
      ],
    });
    if (!isIn) throw new Error(`${entry} does not need ${file}`);
    await symlink(join(root, "node_modules"), join(directory, "node_modules"), "junction");
    return { url: pathToFileURL(outfile).href, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
