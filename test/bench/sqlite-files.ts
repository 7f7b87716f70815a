import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that nobody has used, on the disk of the system's temporary folder; gone afterwards. */
export async function withFile<Result>(use: (filename: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "actorfleet-bench-"));
  try {
    return await use(join(folder, "bench.sqlite"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
