import { afterAll, afterEach, beforeAll, expect } from "vitest";
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
}

/** Ends all connections to a server but its own. */
interface ConnectionsEnder {
  /** Resolves with how many those were. */
  endAll(): Promise<number>;
  close(): Promise<void>;
}

/** What a suite's server is put through while three workers and a client work on it, and still everything comes to its end. */
interface ServerOutages<Server> {
  endure(outages: readonly Outage<Server>[]): Promise<void>;
  /** Again and again. */
  endureLostConnections(openEnder: (server: Server) => Promise<ConnectionsEnder>): Promise<void>;
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

/** To be called in a suite: its tests share a server. */
export function serverOutages<Server extends MortalServer>(options: ServerOutagesOptions<Server>): ServerOutages<Server> {
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

  return {
    async endure(outages) {
      const at = await underLoad("outages");
      for (const happen of outages) {
        await goesOn(at);
        await pause(0, 300);
        await happen(server, pause);
      }
      expect(await endWell(at)).toBeGreaterThan(100);
    },

    async endureLostConnections(openEnder) {
      const at = await underLoad("terminated");
      const ender = await openEnder(server);
      await goesOn(at);
      let ended = 0;
      for (let round = 0; round < 40; round++) {
        await pause(10, 150);
        ended += await ender.endAll();
      }
      await ender.close();
      expect(ended).toBeGreaterThan(40);
      await endWell(at);
    },
  };
}
