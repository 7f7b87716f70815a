import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findProgram } from "./debian-program.ts";
import { describeWith } from "./describe-with.ts";

/** Brokers of one's own. They keep nothing beyond their process: they are librdkafka's mock of a cluster. */
export interface KafkaServer {
  /** As `host:port`; their ids count from 1. */
  readonly brokers: readonly string[];
  createTopic(topic: string, partitions: number): Promise<void>;
  /** The topic is unknown, whatever is asked about it; else the mock makes every topic that it hears of. */
  hideTopic(topic: string): Promise<void>;
  showTopic(topic: string): Promise<void>;
  moveLeader(topic: string, partition: number, broker: number): Promise<void>;
  moveCoordinator(group: string, broker: number): Promise<void>;
  /** Its connections are cut, and new ones refused. */
  takeDown(broker: number): Promise<void>;
  bringUp(broker: number): Promise<void>;
  /** Answers take so long. */
  delay(broker: number, roundTripMs: number): Promise<void>;
  /** The next requests of this kind fail with this error of Kafka's protocol. */
  fail(request: keyof typeof requests, error: keyof typeof errors, times: number): Promise<void>;
  /** Connections stay, and nothing on them is answered any more. */
  freeze(): void;
  /** kill -9, and nothing is left of it. */
  remove(): Promise<void>;
}

const requests = { produce: 0, fetch: 1, commit: 8, findCoordinator: 10, join: 11, heartbeat: 12 };
const errors = {
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  unknownMember: 25,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
};
const unknownTopic = 3;

const source = fileURLToPath(new URL("kafka-mock.c", import.meta.url));
const header = "/usr/include/librdkafka/rdkafka_mock.h";

/** What compiles the mock; in words, why nothing does. */
function findCompiler(): { path: string } | { missing: string } {
  const compiler = findProgram(["cc", "gcc"], "gcc");
  if ("missing" in compiler) return compiler;
  // What these packages bring is no program: that none is found is what installs them.
  if (!existsSync("/usr/include/stdio.h")) findProgram(["libc6-dev"], "libc6-dev");
  if (!existsSync(header)) findProgram(["librdkafka-dev"], "librdkafka-dev");
  return existsSync(header) ? compiler : { missing: "the header rdkafka_mock.h of the Debian package librdkafka-dev is not there" };
}

const compiler = findCompiler();

/** A suite that starts Kafka brokers. */
export function describeWithKafka(name: string, suite: () => void): void {
  describeWith("missing" in compiler ? compiler.missing : undefined, name, suite);
}

/** The file may be gone as soon as it runs. */
function compile(folder: string): string {
  if ("missing" in compiler) throw new Error(compiler.missing);
  const file = join(folder, "kafka-mock");
  execFileSync(compiler.path, ["-o", file, source, "-lrdkafka"], { stdio: ["ignore", "ignore", "pipe"] });
  return file;
}

export async function startKafka(brokerCount = 1): Promise<KafkaServer> {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-kafka-"));
  const child = spawn(compile(folder), [`${brokerCount}`], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the Kafka mock has ended");
    return value;
  };
  const brokers = (await next()).split(",");
  rmSync(folder, { recursive: true });
  let last: Promise<unknown> = Promise.resolve();
  const order = async (...words: (string | number)[]) => {
    const answer = last.then(() => {
      child.stdin.write(`${words.join(" ")}\n`);
      return next();
    });
    last = answer.catch(() => {});
    if ((await answer) !== "NO_ERROR") throw new Error(`${words.join(" ")}: ${await answer}`);
  };
  // Its answers to newer versions of ListOffsets cannot be read, and those to a newer InitProducerId neither.
  await order("versions", 2, 0, 3);
  await order("versions", 22, 0, 1);
  return {
    brokers,
    createTopic: (topic, partitions) => order("topic", topic, partitions),
    hideTopic: (topic) => order("broken", topic, unknownTopic),
    showTopic: (topic) => order("broken", topic, 0),
    moveLeader: (topic, partition, broker) => order("leader", topic, partition, broker),
    moveCoordinator: (group, broker) => order("coordinator", group, broker),
    takeDown: (broker) => order("down", broker),
    bringUp: (broker) => order("up", broker),
    delay: (broker, roundTripMs) => order("rtt", broker, roundTripMs),
    fail: (request, error, times) => order("fail", requests[request], errors[error], times),
    freeze: () => void child.kill("SIGSTOP"),
    remove: async () => {
      child.stdin.destroy();
      child.kill("SIGKILL");
      await ended;
    },
  };
}
