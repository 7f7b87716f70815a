import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Projects whose files keep a processor busy, the longest first; those of the others wait for servers and clocks most of the time. */
const computing = ["simulation", "model", "package", "cli", "http"];
/** Many short files: what is left for whoever is free at the end. */
const short = ["telemetry", "unit"];

/** Files that compute and files that wait take turns, so that they run beside each other. */
export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const ofProjects = (names: readonly string[]) => names.flatMap((name) => sorted.filter(({ project }) => project.name === name));
    const busy = ofProjects(computing);
    const last = ofProjects(short);
    const waiting = sorted.filter((file) => !busy.includes(file) && !last.includes(file));
    const turns = Array.from({ length: Math.max(busy.length, waiting.length) }, (_, turn) => [busy[turn], waiting[turn]]);
    return [...turns.flat().filter((file) => file !== undefined), ...last];
  }
}
