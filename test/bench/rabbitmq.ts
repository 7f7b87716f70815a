import { parseArgs } from "node:util";
import { startRabbitmq } from "../support/rabbitmq-server.ts";
import { actorfleetRabbitmq } from "./contenders/actorfleet-rabbitmq.ts";
import { amqplibQuorum } from "./contenders/amqplib.ts";
import type { QueueContender } from "./contenders/queue-contender.ts";
import { type Part, report } from "./report.ts";
import { type Figure, measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const contenders: readonly QueueContender[] = [actorfleetRabbitmq, amqplibQuorum];
const inFlights = [10, 100];

/**
 * Messages through a quorum queue: published with confirms by one, 500 at a time, while another takes and acknowledges them, with so many on
 * loan. The queue beside amqplib with nothing around it. `--rounds` (5) and `--count` (10000, messages of a sample) make it shorter.
 */
export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: { rounds: { type: "string", default: "5" }, count: { type: "string", default: "10000" } },
  });
  const rounds = Number(values.rounds);
  const count = Number(values.count);
  const server = await startRabbitmq();
  try {
    await report("rabbitmq", rounds, { messages: () => measureMessages(server.url, rounds, count) });
  } finally {
    await server.remove();
  }
}

async function measureMessages(url: string, rounds: number, count: number): Promise<Part> {
  const figures: { inFlight: number; figures: Figure[] }[] = [];
  for (const inFlight of inFlights) {
    const measurements = contenders.map(({ name, open }) => ({ name, sample: () => sample(open, url, inFlight, count) }));
    // Queues are declared and code is compiled before it counts.
    for (const { sample: warmUp } of measurements) await warmUp();
    figures.push({ inFlight, figures: await measureInRounds(`${inFlight} in flight`, measurements, rounds) });
  }
  const of = (inFlight: number, name: string) =>
    figures.find((each) => each.inFlight === inFlight)?.figures.find((figure) => figure.name === name)?.median ?? Number.NaN;
  return {
    title: "messages per second, published with confirms, taken and acknowledged: median",
    table: toTable(
      ["", ...inFlights.map((inFlight) => `${inFlight} in flight`)],
      contenders.map(({ name }) => [name, ...inFlights.map((inFlight) => toFigure(1_000_000 / of(inFlight, name)))]),
    ),
    figures: { figures },
    targets: inFlights.map((inFlight) => ({
      promise: `time per message against raw AMQP, ${inFlight} in flight`,
      value: of(inFlight, actorfleetRabbitmq.name) / of(inFlight, amqplibQuorum.name),
      atMost: 2,
    })),
  };
}

/** µs per message, from the first that is published until the last is acknowledged. */
async function sample(open: QueueContender["open"], url: string, inFlight: number, count: number): Promise<number> {
  const subject = await open({ url, inFlight });
  let taken = 0;
  const startedAt = performance.now();
  const all = new Promise<void>((resolve) =>
    subject.consume(() => {
      taken += 1;
      if (taken === count) resolve();
    }),
  );
  for (let sent = 0; sent < count; sent += 500) await subject.publish(Math.min(500, count - sent), sent);
  await all;
  const tookMs = performance.now() - startedAt;
  await subject.close();
  return (tookMs * 1_000) / count;
}
