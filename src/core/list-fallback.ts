import { isBlank, type StepResult } from "../model/run-task.ts";
import type { FallbackStrategy } from "../ports/fallback-strategy.ts";

/** A fallback that offers fixed values: each once, in order, and none that equals an earlier output, whatever the letter case. */
export function listFallback(values: readonly string[]): { create(): FallbackStrategy } {
  return {
    create() {
      const used = new Set<string>();
      const next = (previousOutputs: readonly string[]): string | undefined => {
        const taken = new Set(previousOutputs.map((output) => output.toLowerCase()));
        return values.find((value) => !isBlank(value) && !used.has(value) && !taken.has(value.toLowerCase()));
      };
      return {
        canProvide: ({ previousOutputs }) => next(previousOutputs) !== undefined,
        get({ previousOutputs }): StepResult | undefined {
          const output = next(previousOutputs);
          if (output === undefined) return undefined;
          used.add(output);
          return { success: true, output };
        },
      };
    },
  };
}
