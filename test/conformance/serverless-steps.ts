import type { DurableWorld } from "./durable-world.ts";
import { Forms } from "./matcher.ts";
import { startScripts } from "./start-words.ts";
import type { Steps } from "./steps.ts";

/** What cases can do with functions that a platform calls. */
export const serverlessSteps: Steps<DurableWorld> = {
  async httpPost(step, world) {
    const body = step.any("body");
    return post(world, step.text("as") ?? "", JSON.stringify(body), startScripts(step));
  },

  async httpPostRaw(step, world) {
    return post(world, step.text("as") ?? "", step.text("body") ?? "", startScripts(step));
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

async function post(world: DurableWorld, label: string, body: string, scripts: ReturnType<typeof startScripts>): Promise<unknown> {
  const { status, answer } = await world.functions.post(label, body, scripts);
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
