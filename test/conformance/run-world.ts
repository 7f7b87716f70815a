import { toSettings } from "./flat-config.ts";
import { HarnessClock } from "./harness-clock.ts";
import { Interrupts } from "./interrupts.ts";
import type { FinalIterationStrategy, SettingsInput } from "./library.ts";
import { type ExecutorEntry, executorScript, type OracleEntry, oracleScript, type Script } from "./script.ts";
import { type ScriptedHuman, scriptedHuman } from "./scripted-human.ts";
import type { CaseRequest } from "./scripted-parts.ts";
import { eventTypeName } from "./spelling.ts";
import type { Words } from "./words.ts";

/** Everything outside of the orchestrator in a case of one run. A restored run meets the same world: scripts go on where they are. */
export interface RunWorld {
  readonly clock: HarnessClock;
  readonly settings: SettingsInput;
  readonly prompts: readonly string[];
  readonly executor: Script<ExecutorEntry>;
  /** Absent: the orchestrator is made without an oracle. */
  readonly oracle?: Script<OracleEntry>;
  readonly oracleConfigured: boolean;
  readonly fallback?: Script<ExecutorEntry>;
  readonly finalIteration?: FinalIterationStrategy<CaseRequest>;
  readonly human?: ScriptedHuman;
  readonly listenerThrowsOn: ReadonlySet<string>;
  readonly interrupts: Interrupts;
}

export function toRunWorld(given: Words, when: Words): RunWorld {
  const clock = new HarnessClock({ now: given.number("clockStart") ?? 0 });
  const hitl = given.block("hitl");
  const finalStrategy = given.block("finalStrategy");
  return {
    clock,
    settings: toSettings((given.any("config") ?? {}) as Readonly<Record<string, unknown>>),
    prompts: given.texts("prompts") ?? [],
    executor: executorScript(given.blocks("executor")),
    ...(given.has("oracle") && { oracle: oracleScript(given.blocks("oracle")) }),
    oracleConfigured: given.flag("oracleConfigured") ?? true,
    ...(given.has("fallback") && { fallback: executorScript(given.blocks("fallback")) }),
    ...(finalStrategy !== undefined && { finalIteration: toFinalStrategy(finalStrategy) }),
    ...(hitl !== undefined && { human: scriptedHuman(hitl, clock) }),
    listenerThrowsOn: new Set((given.list("listenerThrowsOn") ?? []).map((type) => eventTypeName(type, "listenerThrowsOn"))),
    interrupts: new Interrupts(when.blocks("interrupts")),
  };
}

function toFinalStrategy(words: Words): FinalIterationStrategy<CaseRequest> {
  const before = words.block("before");
  const append = before?.text("append");
  const lastOnly = before?.flag("lastOnly") ?? false;
  const same = before?.flag("same") ?? false;
  before?.done();
  const forced = words.any("force");
  words.done();
  return {
    before({ request, remaining }) {
      if (before === undefined || (lastOnly && remaining > 1)) return undefined;
      if (same) return request;
      return append === undefined ? undefined : { ...request, prompt: `${request.prompt}${append}` };
    },
    forceCompletion: () => (typeof forced === "string" ? { output: forced, success: true } : undefined),
  };
}
