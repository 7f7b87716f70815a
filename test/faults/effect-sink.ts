import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** What a worker asks of the sink, one line each. `drop`: it gives the effect up. */
export interface EffectRequest {
  readonly call: number;
  readonly type: "begin" | "end" | "drop";
  readonly id: string;
  readonly fence: number;
  readonly step: number;
}

export interface EffectAnswer {
  readonly call: number;
  readonly accepted: boolean;
}

/** One step of an execution that took effect. */
export interface Effect {
  readonly fence: number;
  readonly step: number;
  readonly by: Socket;
  readonly begun: number;
  ended: number;
}

/**
 * The world outside, where executions have effects: a server that keeps, for each execution, the highest fence it has seen, and refuses what
 * comes with a lower one. An effect counts when it was accepted at its end; one whose process died never happened.
 */
export class EffectSink {
  /** Begins and ends that were refused, because a later holder of the lease had been here. */
  refused = 0;
  /** Effects that were under way when a later holder of the lease began: it ran out under a worker that did not notice in time. */
  overtaken = 0;
  /** What should never happen, in words. */
  readonly problems: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #highest = new Map<string, number>();
  readonly #holders = new Map<string, Socket>();
  readonly #open = new Map<string, Effect[]>();
  readonly #accepted = new Map<string, Effect[]>();
  readonly #changed = new Set<() => void>();
  #moment = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(): Promise<EffectSink> {
    const sink = new EffectSink();
    await new Promise<void>((resolve) => sink.#server.listen(0, "127.0.0.1", resolve));
    return sink;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  highestFence(id: string): number {
    return this.#highest.get(id) ?? 0;
  }

  /** What took effect of this execution, in the order of its ends. */
  effects(id: string): readonly Effect[] {
    return this.#accepted.get(id) ?? [];
  }

  /** How many have taken effect, of all executions. */
  get count(): number {
    return [...this.#accepted.values()].reduce((sum, effects) => sum + effects.length, 0);
  }

  /** What has begun and not ended. */
  open(id: string): readonly Effect[] {
    return this.#open.get(id) ?? [];
  }

  /** Resolves when the condition, which may look at the sink, holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const changed = () => {
          this.#changed.delete(changed);
          resolve();
        };
        this.#changed.add(changed);
      });
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const [id, effects] of this.#open) {
        const left = effects.filter(({ by }) => by !== socket);
        if (left.length < effects.length) this.#open.set(id, left);
      }
    });
    const lines = createInterface({ input: socket });
    // Its process was killed. An interface passes on the errors of its input.
    for (const emitter of [socket, lines]) emitter.on("error", () => {});
    lines.on("line", (line) => {
      const request = JSON.parse(line) as EffectRequest;
      const accepted = this.#take(request, socket);
      const answer: EffectAnswer = { call: request.call, accepted };
      if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
      for (const changed of [...this.#changed]) changed();
    });
  }

  #take({ type, id, fence, step }: EffectRequest, by: Socket): boolean {
    const open = this.#open.get(id) ?? [];
    const effect = open.find((each) => each.by === by && each.fence === fence && each.step === step);
    this.#moment += 1;
    if (type !== "begin")
      this.#open.set(
        id,
        open.filter((each) => each !== effect),
      );
    if (type === "drop") return true;
    if (fence < this.highestFence(id)) {
      this.refused += 1;
      return false;
    }
    this.#highest.set(id, fence);
    const holder = this.#holders.get(`${id} ${fence}`);
    if (holder !== undefined && holder !== by) this.problems.push(`${id}: two workers at work under fence ${fence}`);
    this.#holders.set(`${id} ${fence}`, by);
    if (type === "begin") {
      this.overtaken += open.filter((each) => each.fence < fence).length;
      if (open.some((each) => each.fence === fence)) this.problems.push(`${id}: two effects at once under fence ${fence}`);
      this.#open.set(id, [...open, { fence, step, by, begun: this.#moment, ended: 0 }]);
      return true;
    }
    if (effect === undefined) this.problems.push(`${id}: the end of an effect that never began (fence ${fence}, step ${step})`);
    else this.#accept(id, effect);
    return true;
  }

  #accept(id: string, effect: Effect): void {
    const accepted = this.#accepted.get(id) ?? [];
    effect.ended = this.#moment;
    const last = accepted.at(-1);
    if (last !== undefined && last.ended > effect.begun) this.problems.push(`${id}: steps ${last.step} and ${effect.step} overlap`);
    this.#accepted.set(id, [...accepted, effect]);
  }
}
