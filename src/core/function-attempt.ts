import type { EventObject } from "xstate";
import type { Writable } from "../model/writable.ts";
import type { ExecutionScope } from "./execution-scope.ts";
import type { AttemptHost, BeginAttempt, Delivery } from "./running-attempt.ts";

/** Signals that wait to be read; the next one is refused. */
const maxUnreadSignals = 1_000;

/** Runs an async function as an attempt. */
export function functionAttempt(orchestrator: (input: unknown, scope: ExecutionScope) => Promise<unknown>): BeginAttempt {
  return (input, host) => {
    const inbox = new SignalInbox(() => host.signalRead?.());
    const result = orchestrator(input, createScope(host, inbox));
    return {
      result: Promise.resolve(result),
      deliver: (event) => {
        const delivery = inbox.deliver(event);
        if (delivery.accepted) host.signalled(event.type);
        return delivery;
      },
      continueWaiting: () => {},
    };
  };
}

function createScope(host: AttemptHost, inbox: SignalInbox): ExecutionScope {
  const scope: Writable<ExecutionScope> = {
    executionId: host.executionId,
    attempt: host.attempt,
    get signal() {
      return host.signal;
    },
    now: () => host.now(),
    remainingMs: () => host.remainingMs(),
    progress: (value) => host.progress(value),
    restored: host.restored,
    checkpoint: async (value) => host.checkpoint(value),
    signals: () => inbox.read(host.signal),
  };
  if (host.fence !== undefined) scope.fence = host.fence;
  if (host.settings !== undefined) scope.settings = host.settings;
  return scope;
}

class SignalInbox {
  readonly #unread: EventObject[] = [];
  #readers: (() => void)[] = [];
  readonly #onRead: () => void;

  constructor(onRead: () => void) {
    this.#onRead = onRead;
  }

  deliver(event: EventObject): Delivery {
    if (this.#unread.length >= maxUnreadSignals) return { accepted: false, accepts: [] };
    this.#unread.push(event);
    this.#wake();
    return { accepted: true };
  }

  async *read(signal: AbortSignal): AsyncGenerator<EventObject, void, undefined> {
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const next = this.#unread.shift();
        if (next !== undefined) {
          this.#onRead();
          yield next;
        } else
          await new Promise<void>((resolve) => {
            this.#readers.push(resolve);
          });
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  #wake(): void {
    for (const resolve of this.#readers.splice(0)) resolve();
  }
}
