import type { EventObject } from "xstate";
import type { ExecutionScope } from "../../core/execution-scope.ts";
import { ExecutionCancelledError, NonRetryableError } from "../../model/errors.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Stage, WorkHistory, WorkPlan, WorkSignal } from "./work-plan.ts";
import type { WorkWitness } from "./work-witness.ts";

/** An async function that does what its plan says, saving its history after each stage. */
export function functionWork(process: SimulatedProcess, witness: WorkWitness) {
  return async (plan: WorkPlan, scope: ExecutionScope): Promise<WorkHistory> => {
    const work = witness.begin(process, scope.executionId, scope.signal);
    try {
      let history = (scope.restored as WorkHistory | undefined) ?? { at: 0, notes: [] };
      const signals = scope.signals()[Symbol.asyncIterator]();
      for (let stage = plan.stages[history.at]; stage !== undefined; stage = plan.stages[history.at]) {
        const notes = await perform(stage, `${plan.id}.${history.at}`, signals, scope);
        // Nobody waits for these: what becomes of them is no concern of the function.
        if (stage.do === "save") for (const value of [history, history]) scope.checkpoint(value).catch(() => {});
        work.effect(`stage ${history.at}`);
        history = { at: history.at + 1, notes: [...history.notes, ...notes] };
        scope.progress(history.at);
        await scope.checkpoint(history);
      }
      return history;
    } finally {
      work.end();
    }
  };

  async function perform(stage: Stage, name: string, signals: AsyncIterator<EventObject>, scope: ExecutionScope): Promise<number[]> {
    switch (stage.do) {
      case "work":
        await pass(process, stage.ms, stage.heeds ? scope.signal : undefined);
        return [];
      case "rest":
        await pass(process, stage.ms, scope.signal);
        return [];
      case "fail":
        failAsPlanned(witness, stage, name);
        return [];
      case "save":
        return [];
      case "giveUp":
        throw new ExecutionCancelledError(scope.executionId, "by itself");
      case "wait":
        for (;;) {
          const { value, done } = await signals.next();
          if (done) throw scope.signal.reason;
          const signal = value as WorkSignal;
          if (signal.type === "note") return [signal.n];
        }
    }
  }
}

/** Throws while it has to. */
export function failAsPlanned(witness: WorkWitness, { times, fatal }: Extract<Stage, { do: "fail" }>, name: string): void {
  if (!witness.fails(name, times)) return;
  throw fatal ? new NonRetryableError(`planned for ${name}`) : new Error(`planned for ${name}`);
}

/** Time passes in the process; rejects when the signal is aborted. */
export function pass(process: SimulatedProcess, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      process.clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = process.clock.setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
