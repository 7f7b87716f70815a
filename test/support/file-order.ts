import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take long, by about how many seconds, in the order in which one of two workers is to run them. */
type Lane = Readonly<Record<string, number>>;

/** Keeps a processor busy, the simulation both, and waits for nobody. */
const computing: Lane = {
  ...{
    "simulation/simulation": 65,
    "simulation/mutants": 52,
    "model/mutants/mutants": 64,
    "model/model": 44,
    "http/dashboard/dashboard": 38,
  },
  ...{
    "cli/commands": 31,
    "contract/postgres": 23,
    "cli/api": 11,
    "contract/postgres-against-memory": 9,
    "cli/postgres": 7,
    "http/fuzz": 7,
  },
};

/** Waits for servers and clocks most of the time, once what is beside the simulation is done. */
const waiting: Lane = {
  ...{ "conformance/runner": 22, "conformance/conformance": 35, "contract/postgres-plans": 20, "model/promises": 13 },
  ...{ "model/orchestrator/random-runs": 9, "model/orchestrator/orchestrator-machine": 5 },
  ...{ "package/examples": 80, "contract/rabbitmq": 58, "contract/service-bus": 49, "contract/redis-queue": 30, "contract/dynamodb": 27 },
  ...{ "contract/azure-table": 22, "durable/several-processes": 21, "durable/kafka-queue": 16, "durable/brokers": 13 },
  ...{ "durable/handing-over": 12, "contract/redis": 12, "contract/kafka": 10, "contract/sqs": 9, "contract/storage-queue": 8 },
};

/** Of the faults, which run after all else. */
const faults: readonly [Lane, Lane] = [
  { "faults/killed-workers": 143, "faults/frozen-worker": 11, "faults/full-disk": 7 },
  {
    ...{ "faults/broker-outages": 85, "faults/postgres-outages": 39, "faults/broken-connections": 32 },
    ...{ "faults/redis-outages": 26, "faults/killed-transactions": 10 },
  },
];

/**
 * Files that compute run beside files that wait: in the order in which they would begin, had each lane a worker of its own. Whoever is free
 * takes the next one, so that a wrong estimate costs time and nothing else. All that is short comes last.
 */
export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const starts = new Map([...startsOf(computing), ...startsOf(waiting), ...faults.flatMap(startsOf)]);
    const startOf = ({ moduleId }: TestSpecification) => starts.get(nameOf(moduleId)) ?? Number.MAX_VALUE;
    return sorted.sort((one, other) => startOf(one) - startOf(other));
  }
}

function startsOf(lane: Lane): [name: string, start: number][] {
  let start = 0;
  return Object.entries(lane).map(([name, seconds]) => {
    start += seconds;
    return [name, start - seconds];
  });
}

const nameOf = (file: string) => file.replace(/^.*\/test\//, "").replace(/\.test\.ts$/, "");
