import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a sample is taken of. */
interface Sampled {
  readonly name: string;
  /** Of the module that exports it. */
  readonly url: string;
}

/**
 * A process of its own for one contender, so that it neither pays for another's garbage nor has its code made ready, or made slow, by another.
 * Nobody collects garbage in it between samples: with the last objects of their kind, the code that was made for them would go.
 */
export class Sampler<Setting extends object> {
  readonly #process: ChildProcess;
  readonly #gone: Promise<never>;

  /** @param sampleUrl of a module with `takeSample(contender, setting)`, which gives one figure. */
  constructor(sampleUrl: URL, { url, name }: Sampled) {
    this.#process = fork(fileURLToPath(new URL("./sample-process.ts", import.meta.url)), [sampleUrl.href, url, name]);
    this.#gone = once(this.#process, "exit").then(([code]) => {
      throw new Error(`the process of ${name} has ended with ${code}`);
    });
    this.#gone.catch(() => {});
  }

  async sample(setting: Setting): Promise<number> {
    this.#process.send(setting);
    const [figure] = (await Promise.race([once(this.#process, "message"), this.#gone])) as [number];
    return figure;
  }

  close(): void {
    if (this.#process.connected) this.#process.disconnect();
  }
}
