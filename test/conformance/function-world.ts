import { toSettings } from "./flat-config.ts";
import type { HarnessClock } from "./harness-clock.ts";
import type { createAcceptHandler, ProcessMessage, ProcessReport, SettingsInput } from "./library.ts";
import type { CaseRequest } from "./scripted-parts.ts";
import type { StartedExecutions, StartScripts } from "./started-executions.ts";

type Accept = ReturnType<typeof createAcceptHandler<CaseRequest>>;

export interface FunctionWorldOptions {
  readonly clock: HarnessClock;
  readonly executions: StartedExecutions;
  /** Of one call; by default as good as endless. */
  readonly timeBudgetMs: number | undefined;
  /** A handler whose requests mean what the given function says. */
  accept(toStart: (body: unknown) => { input: CaseRequest; options: { settings?: SettingsInput } }): Accept;
  process(batch: readonly ProcessMessage[], scope: { remainingMs(): number }): Promise<ProcessReport>;
  textOf(executionId: string): string;
  /** Takes the next message that waits; undefined when there is none. */
  next(): Promise<{ readonly text: string; settle(failed: boolean): Promise<void> } | undefined>;
}

/** Functions as a platform calls them: with requests and messages, each call by itself. */
export class FunctionWorld {
  readonly #options: FunctionWorldOptions;
  #messages = 0;

  constructor(options: FunctionWorldOptions) {
    this.#options = options;
  }

  async post(
    label: string,
    body: string,
    settings: () => { settings?: SettingsInput },
    scripts: StartScripts,
  ): Promise<{ status: number; answer: Record<string, unknown> }> {
    const { clock, executions, accept } = this.#options;
    const handler = accept((given) => {
      const { prompt, settings: flat } = (given ?? {}) as { prompt?: unknown; settings?: Readonly<Record<string, unknown>> };
      const options = flat === undefined ? settings() : { settings: toSettings(flat) };
      return { input: { id: label, prompt, label } as CaseRequest, options };
    });
    const headers = { "content-type": "application/json" };
    executions.add(label, promptOf(body), scripts);
    const { value: response } = await clock.until(
      handler(new Request("https://functions.test/executions", { method: "POST", body, headers })),
    );
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.status === 202) executions.accepted(label, String(answer.id));
    else executions.refused(label);
    return { status: response.status, answer };
  }

  /** The message about what that request started. */
  messageOf(label: string): string {
    return this.#options.textOf(this.#options.executions.idOf(label));
  }

  async handle(texts: readonly string[]): Promise<ProcessReport> {
    const { clock, process, timeBudgetMs = 900_000 } = this.#options;
    const batch = texts.map((body) => ({ id: `message-${++this.#messages}`, body }));
    const endsAt = clock.monotonicNow() + timeBudgetMs;
    return (await clock.until(process(batch, { remainingMs: () => endsAt - clock.monotonicNow() }))).value;
  }

  /** How many calls it took. */
  async handleUntilQueueEmpty(maxCalls: number): Promise<number> {
    for (let calls = 0; ; calls++) {
      const message = calls < maxCalls ? await this.#options.next() : undefined;
      if (message === undefined) return calls;
      const { failed } = await this.handle([message.text]);
      await message.settle(failed.length > 0);
      await this.#options.clock.settle();
    }
  }
}

function promptOf(body: string): string {
  try {
    return String((JSON.parse(body) as { prompt?: unknown } | null)?.prompt);
  } catch {
    return "";
  }
}
