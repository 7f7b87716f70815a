import type { StoreNotice, StoreWatch, WatchRequest } from "../../ports/store-message.ts";

interface Watcher {
  readonly request: WatchRequest;
  readonly listener: (notice: StoreNotice) => void;
  readonly followed: Set<string>;
}

/** Tells the watchers of one set of data what happened, in a microtask of its own, so that no listener runs inside a write. */
export class StoreWatchers {
  readonly #watchers = new Set<Watcher>();
  #pending: { name: string; notice: StoreNotice }[] = [];

  watch(request: WatchRequest, listener: (notice: StoreNotice) => void): StoreWatch {
    const watcher: Watcher = { request, listener, followed: new Set() };
    this.#watchers.add(watcher);
    return {
      follow: async (ids) => {
        for (const id of ids) watcher.followed.add(id);
      },
      unfollow: (ids) => {
        for (const id of ids) watcher.followed.delete(id);
      },
      close: async () => {
        this.#watchers.delete(watcher);
      },
    };
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Whose work somebody waits for. */
  namesOfWork(): Set<string> {
    return new Set([...this.#watchers].filter(({ request }) => request.work).map(({ request }) => request.name));
  }

  /** Of whose executions somebody waits for the ends. */
  namesFollowed(): Set<string> {
    return new Set([...this.#watchers].filter(({ followed }) => followed.size > 0).map(({ request }) => request.name));
  }

  /** What somebody watches. */
  names(): Set<string> {
    return new Set([...this.#watchers].map(({ request }) => request.name));
  }

  /** Whose ends somebody waits for. */
  followedOf(name: string): Set<string> {
    return new Set([...this.#watchers].flatMap(({ request, followed }) => (request.name === name ? [...followed] : [])));
  }

  /** Something changed that nobody here knows of. */
  tellAllMissed(): void {
    for (const { listener } of this.#watchers) listener({ type: "missed" });
  }

  tell(name: string, notice: StoreNotice): void {
    if (this.#watchers.size === 0) return;
    this.#pending.push({ name, notice });
    if (this.#pending.length > 1) return;
    queueMicrotask(() => {
      const pending = this.#pending;
      this.#pending = [];
      for (const watcher of this.#watchers)
        for (const { name: of, notice: what } of pending) if (of === watcher.request.name) pass(watcher, what);
    });
  }
}

function pass({ request, listener, followed }: Watcher, notice: StoreNotice): void {
  if (notice.type === "claimable") {
    if (request.work) listener(notice);
  } else if (notice.type === "final") {
    const ids = notice.ids.filter((id) => followed.has(id));
    if (ids.length > 0) listener({ type: "final", ids });
  } else if (notice.type === "missed" || request.control) listener(notice);
}
