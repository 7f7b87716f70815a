import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { StoreAddress } from "../support/store-address.ts";
import { drawer } from "./fault-seed.ts";
import { FaultWorld, within } from "./fault-world.ts";

/** A server that can be made to go away and come back. */
interface MortalServer {
  start(): Promise<void>;
  stop(): Promise<void>;
  crash(): Promise<void>;
  remove(): Promise<void>;
}

/** Something that happens to a server, after which it is there again. `pause` takes about that long. */
export type Outage<Server> = (server: Server, pause: (fromMs: number, toMs: number) => Promise<void>) => Promise<void>;

interface ServerOutagesOptions<Server> {
  start(): Promise<Server>;
  /** A place of its own on that server for each test. */
  storeIn(server: Server, place: string): StoreAddress;
  /** In words. */
  readonly happens: string;
  readonly outages: readonly Outage<Server>[];
  /** Ends all connections to the server but its own, as often as it is called; resolves with how many those were. */
  connectionsEnder(server: Server): Promise<{ endAll(): Promise<number>; close(): Promise<void> }>;
}

export const stopped: Outage<MortalServer> = async (server, pause) => {
  await server.stop();
  await pause(0, 800);
  await server.start();
};

export const crashed: Outage<MortalServer> = async (server, pause) => {
  await server.crash();
  await pause(0, 800);
  await server.start();
};

/** The tests of a suite about a server that goes away and comes back while three workers and a client work on it. */
export function testServerOutages<Server extends MortalServer>(options: ServerOutagesOptions<Server>): void {
  let server: Server;
  let world: FaultWorld | undefined;
  const draw = drawer();
  const pause = (fromMs: number, toMs: number) => new Promise<void>((resolve) => setTimeout(resolve, draw(fromMs, toMs)));
  beforeAll(async () => {
    server = await options.start();
  }, 120_000);
  afterAll(() => server?.remove());
  afterEach(async () => {
    await server.start();
    await world?.close();
    world = undefined;
  });

  async function underLoad(place: string): Promise<FaultWorld> {
    world = await FaultWorld.create({ store: options.storeIn(server, place) });
    await Promise.all([1, 2, 3].map(() => world?.workers.start().ready));
    world.load.keep(16, 6);
    return world;
  }

  /** Some more has begun and ended since, so it works again. */
  async function goesOn({ load }: FaultWorld): Promise<void> {
    await within(20_000, "executions after an outage", load.untilEnded(load.ended + 20));
  }

  async function endWell(at: FaultWorld): Promise<number> {
    await goesOn(at);
    await within(30_000, "the end of what had been started", at.load.finish());
    return (await at.audit()).executions;
  }

  test(`${options.happens}, under load: what was accepted comes to its end`, async () => {
    const at = await underLoad("outages");
    for (const happen of options.outages) {
      await goesOn(at);
      await pause(0, 300);
      await happen(server, pause);
    }
    expect(await endWell(at)).toBeGreaterThan(100);
  }, 120_000);

  test("all its connections ended again and again", async () => {
    const at = await underLoad("terminated");
    const connections = await options.connectionsEnder(server);
    await goesOn(at);
    let ended = 0;
    for (let round = 0; round < 40; round++) {
      await pause(10, 150);
      ended += await connections.endAll();
    }
    await connections.close();
    expect(ended).toBeGreaterThan(40);
    await endWell(at);
  }, 120_000);
}
