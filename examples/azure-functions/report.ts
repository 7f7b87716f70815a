import type { ExecutionScope } from "../../src/index.ts";

/** Work of any length: it is saved after each chapter, and goes on there when a call of the function was too short. */
export async function writeReport({ title }: { title: string }, { restored, checkpoint }: ExecutionScope): Promise<string> {
  for (let chapter = Number(restored ?? 0) + 1; chapter <= 5; chapter++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await checkpoint(chapter);
  }
  return `${title}, 5 chapters`;
}
