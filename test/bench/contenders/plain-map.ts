import { awaitAll, type Contender, maxConcurrent, noOperation } from "./contender.ts";

interface Entry {
  readonly id: string;
  readonly input: number;
  status: "queued" | "running" | "completed" | "failed";
  result?: number;
  error?: unknown;
  resolve(result: number): void;
  reject(error: unknown): void;
}

/** What a programmer writes in half an hour: an id, a status, a limit, and the result kept. No cancel, no retention, no events. */
class PlainCoordinator {
  readonly #entries = new Map<string, Entry>();
  #queue: Entry[] = [];
  #head = 0;
  #running = 0;
  #paused = false;

  run(input: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { id: `execution-${this.#entries.size}`, input, status: "queued", resolve, reject };
      this.#entries.set(entry.id, entry);
      this.#queue.push(entry);
      this.#admit();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#admit();
  }

  #admit(): void {
    while (!this.#paused && this.#running < maxConcurrent && this.#head < this.#queue.length) {
      const entry = this.#queue[this.#head++] as Entry;
      this.#running += 1;
      void this.#perform(entry);
    }
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
  }

  async #perform(entry: Entry): Promise<void> {
    entry.status = "running";
    try {
      entry.result = await noOperation(entry.input);
      entry.status = "completed";
      entry.resolve(entry.result);
    } catch (error) {
      entry.error = error;
      entry.status = "failed";
      entry.reject(error);
    }
    this.#running -= 1;
    this.#admit();
  }
}

export const plainMap: Contender = {
  name: "plain Map",
  open: () => {
    const coordinator = new PlainCoordinator();
    return {
      run: (count) => awaitAll(count, (input) => coordinator.run(input)),
      pause: () => coordinator.pause(),
      resume: () => coordinator.resume(),
      close: async () => {},
    };
  },
};
