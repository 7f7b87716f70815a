import type { EventObject } from "xstate";
import type { Settings } from "../settings/settings-schema.ts";
import type { ExecutionScope } from "./execution-scope.ts";
import type { AttemptHost, BeginAttempt, Delivery } from "./running-attempt.ts";

/** Signals that wait to be read; the next one is refused. */
const maxUnreadSignals = 1_000;

/** Runs an async function as an attempt. */
export function functionAttempt(orchestrator: (input: unknown, scope: ExecutionScope) => Promise<unknown>): BeginAttempt {
  return (input, host) => {
    const inbox = new SignalInbox(() => host.signalRead?.());
    const result = orchestrator(input, new FunctionScope(host, inbox));
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

const hostOf = Symbol("host");

/** One for all scopes: an accessor of its own would keep each scope, and all it knows, until the engine's next full collection. */
const signalOfHost: PropertyDescriptor & ThisType<FunctionScope> = {
  enumerable: true,
  configurable: true,
  get() {
    return this[hostOf].signal;
  },
};

class FunctionScope implements ExecutionScope {
  readonly executionId: string;
  readonly attempt: number;
  declare readonly fence?: number;
  declare readonly settings?: Settings;
  declare readonly signal: AbortSignal;
  declare readonly [hostOf]: AttemptHost;
  readonly restored: unknown;
  readonly now: () => number;
  readonly remainingMs: () => number;
  readonly progress: (value: unknown) => void;
  readonly checkpoint: (value: unknown) => Promise<void>;
  readonly signals: () => AsyncIterable<EventObject>;

  constructor(host: AttemptHost, inbox: SignalInbox) {
    Object.defineProperty(this, hostOf, { value: host });
    Object.defineProperty(this, "signal", signalOfHost);
    this.executionId = host.executionId;
    this.attempt = host.attempt;
    this.now = () => host.now();
    this.remainingMs = () => host.remainingMs();
    this.progress = (value) => host.progress(value);
    this.restored = host.restored;
    this.checkpoint = async (value) => host.checkpoint(value);
    this.signals = () => inbox.read(host.signal);
    if (host.fence !== undefined) this.fence = host.fence;
    if (host.settings !== undefined) this.settings = host.settings;
  }
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
