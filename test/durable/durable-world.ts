import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createRedisStore } from "../../src/adapters/redis/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { DurableCoordinatorOptions } from "../../src/core/durable-options.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "../../src/core/orchestrator.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

type ProcessOptions<O extends AnyOrchestrator> = Omit<DurableCoordinatorOptions<O>, "store" | "name"> & {
  orchestrator: O;
  store?: ExecutionStore;
};

/** Empty tables of one kind of store, and coordinators that know of each other only through them. */
export class DurableWorld {
  readonly #openStore: () => ExecutionStore;
  readonly #stores: ExecutionStore[] = [];
  readonly #coordinators: { close(options: { deadlineMs: number }): Promise<unknown> }[] = [];
  readonly #errors: unknown[] = [];

  constructor(openStore: () => ExecutionStore) {
    this.#openStore = openStore;
  }

  /** Its own connections, as another process would have them. */
  store(): ExecutionStore {
    const store = this.#openStore();
    this.#stores.push(store);
    return store;
  }

  coordinator<O extends AnyOrchestrator>(options: ProcessOptions<O>): DurableCoordinator<InputOf<O>, OutputOf<O>> {
    const coordinator = createDurableCoordinator<O>({
      name: "test",
      store: options.store ?? this.store(),
      onError: (error) => this.#errors.push(error),
      ...options,
    } as DurableCoordinatorOptions<O>);
    this.#coordinators.push(coordinator);
    return coordinator;
  }

  client<O extends AnyOrchestrator>(options: ProcessOptions<O>): DurableCoordinator<InputOf<O>, OutputOf<O>> {
    return this.coordinator({ ...options, role: "client" });
  }

  worker<O extends AnyOrchestrator>(options: ProcessOptions<O>): DurableCoordinator<InputOf<O>, OutputOf<O>> {
    return this.coordinator({ ...options, role: "worker" });
  }

  async close(): Promise<void> {
    await Promise.all(this.#coordinators.map((coordinator) => coordinator.close({ deadlineMs: 0 })));
    await Promise.all(this.#stores.map((store) => store.close()));
    // To be told of an outage is right; anything else is a bug.
    expect(this.#errors.filter((error) => !(error instanceof StoreUnavailableError))).toEqual([]);
  }
}

/** The same suite on SQLite, on Postgres and on Redis, on data of its own for each test. */
export function describeDurable(name: string, suite: (world: () => DurableWorld) => void): void {
  let world: DurableWorld;
  timersInBackground("ioredis");
  afterEach(() => world?.close());

  describe(`${name}, on SQLite`, () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "actorfleet-durable-"));
      world = new DurableWorld(() => createSqliteStore({ filename: join(folder, "executions.sqlite") }));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));
    suite(() => world);
  });

  describeWithPostgres(`${name}, on Postgres`, () => {
    let server: PostgresServer;
    let schemas = 0;
    beforeAll(async () => {
      server = await startPostgres();
    }, 60_000);
    afterAll(() => server?.remove());
    beforeEach(() => {
      const schema = `test_${++schemas}`;
      world = new DurableWorld(() =>
        createPostgresStore({ connectionString: server.connectionString, schema, maxConnections: 3, operationTimeoutMs: 5_000 }),
      );
    });
    suite(() => world);
  });

  describeWithRedis(`${name}, on Redis`, () => {
    let server: RedisServer;
    let prefixes = 0;
    beforeAll(async () => {
      server = await startRedis({ appendfsync: "everysec" });
    }, 60_000);
    afterAll(() => server?.remove());
    beforeEach(() => {
      const keyPrefix = `test_${++prefixes}`;
      world = new DurableWorld(() => createRedisStore({ url: server.url, keyPrefix, operationTimeoutMs: 5_000 }));
    });
    suite(() => world);
  });
}
