import type { DurableWorld } from "./durable-world.ts";
import { Forms } from "./matcher.ts";
import { startScripts, startSettings } from "./start-words.ts";
import type { Steps } from "./steps.ts";
import type { Words } from "./words.ts";

/** What cases can do with functions that a platform calls. */
export const serverlessSteps: Steps<DurableWorld> = {
  async httpPost(step, world) {
    return post(step, world, JSON.stringify(step.any("body")));
  },

  async httpPostRaw(step, world) {
    return post(step, world, step.text("body") ?? "");
  },

  async handleMessage(step, world) {
    const { failed } = await world.functions.handle([world.functions.messageOf(step.text("of") ?? "")]);
    return { handled: failed.length === 0 };
  },

  async handleRaw(step, world) {
    const { failed } = await world.functions.handle([step.text("body") ?? ""]);
    return { handled: failed.length === 0 };
  },

  async handleUntilQueueEmpty(step, world) {
    const calls = await world.functions.handleUntilQueueEmpty(step.number("maxCalls") ?? 1_000);
    const queueEmpty = (await world.queueLength()) === 0;
    return new Forms(calls, { calls, queueEmpty, empty: queueEmpty });
  },

  storedById: (step, world) => world.stored(world.executions.idOf(step.text("of") ?? "")),

  executionsById: (step, world) => world.executions.executionsOf(step.text("of") ?? ""),
};

async function post(step: Words, world: DurableWorld, body: string): Promise<unknown> {
  const { status, answer } = await world.functions.post(step.text("as") ?? "", body, startSettings(step), startScripts(step));
  const { id, statusUrl } = answer;
  return {
    // Cases have one status for every body that is refused.
    status: status === 422 ? new Forms(status, 400) : status,
    body: {
      hasExecutionId: typeof id === "string" && id !== "",
      hasStatusUrl: typeof statusUrl === "string" && statusUrl.endsWith(`/${id}`),
      executionId: id,
      statusUrl,
      error: answer.detail ?? answer.title,
    },
  };
}
