import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { EffectAnswer, EffectRequest } from "./effect-sink.ts";

interface WantedEffect {
  readonly id: string;
  readonly fence: number;
  readonly step: number;
  readonly workMs: number;
  /** Undefined for one that does not listen. */
  readonly signal: AbortSignal | undefined;
}

/** Has one effect on the sink; rejects when it was refused, or when the signal was aborted before its end. */
export type HaveEffect = (effect: WantedEffect) => Promise<void>;

export function connectToSink(port: number): HaveEffect {
  const socket = connect(port, "127.0.0.1");
  const waiting = new Map<number, (accepted: boolean) => void>();
  let calls = 0;
  createInterface({ input: socket }).on("line", (line) => {
    const { call, accepted } = JSON.parse(line) as EffectAnswer;
    waiting.get(call)?.(accepted);
    waiting.delete(call);
  });
  const ask = (type: EffectRequest["type"], { id, fence, step }: WantedEffect) => {
    const call = ++calls;
    const request: EffectRequest = { call, type, id, fence, step };
    socket.write(`${JSON.stringify(request)}\n`);
    return new Promise<boolean>((resolve) => waiting.set(call, resolve));
  };
  return async (effect) => {
    const { signal, workMs } = effect;
    signal?.throwIfAborted();
    if (!(await ask("begin", effect))) throw new Error("the sink refused the begin of an effect");
    await new Promise((resolve) => setTimeout(resolve, workMs));
    if (signal?.aborted) {
      await ask("drop", effect);
      throw signal.reason;
    }
    if (!(await ask("end", effect))) throw new Error("the sink refused the end of an effect");
  };
}
