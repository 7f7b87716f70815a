import type { DurableCoordinatorOptions } from "../../core/durable-options.ts";
import type { AnyOrchestrator } from "../../core/orchestrator.ts";
import { ActorfleetError } from "../../model/errors.ts";
import { Course } from "./course.ts";
import { Dice } from "./dice.ts";
import { functionWork } from "./function-work.ts";
import { LeaseWitness } from "./lease-witness.ts";
import { machineWork } from "./machine-work.ts";
import { Scenario } from "./scenario.ts";
import type { SimulationReport } from "./simulate.ts";
import { drawWeather, type SimulatedFault, type Weather } from "./simulated-faults.ts";
import { SimulatedLink } from "./simulated-link.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { SimulatedQueue } from "./simulated-queue.ts";
import { SimulatedStore, simulatedName } from "./simulated-store.ts";
import { SimulatedWorker } from "./simulated-worker.ts";
import { StoreWitness } from "./store-witness.ts";
import { faultOfEnd, faultOfFailure, faultOfNotes, needsNotes, type WorkHistory, type WorkPlan } from "./work-plan.ts";
import { WorkWitness } from "./work-witness.ts";

/** What a world is made of. */
interface WorldOptions {
  readonly seed: number;
  readonly workers?: number;
  readonly executions?: number;
  readonly queue?: boolean;
  readonly faults: readonly SimulatedFault[];
  readonly traced: boolean;
}

type Common = Omit<DurableCoordinatorOptions<AnyOrchestrator>, "orchestrator" | "store" | "workerId" | "role">;

/** Virtual time in which everything has to come to its end when the faults are over. */
const patienceMs = 120_000;

/** The processes, the store and the links between them, the users, and those who watch. */
export class SimulatedWorld {
  readonly course: Course;
  readonly #options: WorldOptions;
  readonly #kind: "function" | "machine";
  readonly #weather: Weather;
  readonly #common: Common;
  readonly #leaseMs: number;
  readonly #lastsMs: number;
  readonly #store: SimulatedStore;
  /** Beside the store, in some runs. */
  readonly #queue: SimulatedQueue | undefined;
  readonly #witness: StoreWitness;
  readonly #leases: LeaseWitness;
  readonly #works: WorkWitness;
  readonly #scenario: Scenario;
  readonly #client: SimulatedProcess;
  readonly #clientLink: SimulatedLink;
  readonly #workers: SimulatedWorker[];

  constructor(options: WorldOptions) {
    this.#options = options;
    const course = new Course(options.seed, options.traced);
    const { dice } = course;
    this.course = course;
    this.#kind = dice.pick(["function", "machine"]);
    this.#weather = drawWeather(dice, options.faults);
    this.#leaseMs = dice.pick([1_500, 3_000]);
    this.#lastsMs = dice.pick([3_000, 6_000, 10_000]);
    const isGrouped = dice.chance(0.5);
    const maxConcurrent = dice.int(1, 3);
    const groupLimit = isGrouped && dice.chance(0.8) ? dice.int(1, 2) : undefined;
    const rateLimit = dice.chance(0.1) ? { limit: dice.int(1, 3), intervalMs: 500 } : undefined;
    const cancelGraceMs = 2_000;
    this.#common = {
      name: simulatedName,
      leaseMs: this.#leaseMs,
      pollMs: dice.pick([300, 500, 1_000]),
      maxConcurrent,
      maxTakeovers: dice.chance(0.3) ? dice.int(0, 2) : 1_000,
      cancelGraceMs,
      retention: { maxAgeMs: Number.POSITIVE_INFINITY },
      ...(groupLimit !== undefined && { maxConcurrentPerGroup: groupLimit }),
      ...(rateLimit !== undefined && { rateLimit }),
      ...(this.#kind === "machine" && {
        checkpoint: dice.pick(["every", "every", "tagged", { throttleMs: 300 }] as const),
        restore: { timers: dice.pick(["absolute", "remaining", "restart"] as const), invokes: dice.pick(["rerun", "fail"] as const) },
      }),
    };
    this.#store = new SimulatedStore(course);
    const historyOf = (body: string): WorkHistory =>
      this.#kind === "function" ? JSON.parse(body).snapshot : JSON.parse(body).snapshot.context;
    this.#witness = new StoreWitness(course, this.#store, {
      groupLimit,
      rateLimit,
      losesLeases: !this.#weather.isGentle,
      faultOfCheckpoint: (body, signals) => faultOfNotes(historyOf(body), signals),
      faultOfResult: (entry, result, signals) => faultOfEnd(entry, JSON.parse(result) as WorkHistory, signals),
      faultOfFailure,
      changed: () => this.#works.check(),
    });
    this.#store.observe(this.#witness);
    this.#leases = new LeaseWitness(course, this.#leaseMs);
    this.#queue = this.#drawQueue();
    this.#works = new WorkWitness(course, {
      maxConcurrent,
      groupLimit,
      // A machine that is stopped has stopped, whatever its invokes do.
      graceMs: this.#kind === "function" ? cancelGraceMs * 0.9 : 0,
      trustsStoreClock: !this.#weather.jumps,
      entry: (id) => this.#witness.entries.get(id),
      fenceOf: (process, id) => this.#leases.fenceOf(process, id),
      validUntil: (process, id, fence) => this.#leases.validUntil(process, id, fence),
    });
    course.note("world", () => this.#description);
    this.#clientLink = this.#createLink(false);
    this.#client = this.#createProcess("client", "client", undefined, this.#clientLink, 1);
    this.#workers = Array.from({ length: options.workers ?? dice.int(1, 3) }, (_, index) => this.#createWorker(`w${index + 1}`));
    this.#scenario = new Scenario({
      course,
      witness: this.#witness,
      executions: options.executions ?? dice.int(3, 8),
      lastsMs: this.#lastsMs,
      isGrouped,
      askable: () => this.#askable(),
    });
  }

  get #description(): string {
    const { name: _, retention: __, ...common } = this.#common;
    const queue = this.#queue === undefined ? "" : `a queue ${this.#queue.description}, `;
    return `${this.#kind}s, ${JSON.stringify(common)}, ${queue}${this.#lastsMs} ms of ${JSON.stringify(this.#weather)}`;
  }

  /** Rejects with `BrokenPromise`. */
  async run(): Promise<void> {
    const { clock } = this.course;
    this.#scenario.schedule();
    this.#scheduleFaults();
    await clock.advance(this.#lastsMs);
    this.#endFaults();
    await this.#awaitEnds();
    await this.#close();
    if (this.course.broken !== undefined) throw this.course.broken;
  }

  /** Lets go of everything. */
  end(): void {
    for (const { process } of this.#workers) process.crash();
    this.#client.crash();
  }

  report(): SimulationReport {
    const entries = [...this.#witness.entries.values()];
    const count = (status: string) => entries.filter((entry) => entry.status === status).length;
    return {
      seed: this.#options.seed,
      workers: this.#workers.length,
      executions: entries.length,
      description: this.#description,
      completed: count("completed"),
      failed: count("failed"),
      cancelled: count("cancelled"),
      takeovers: entries.reduce((sum, { takeovers }) => sum + takeovers, 0),
      crashes: this.#workers.reduce((sum, { crashes }) => sum + crashes, 0),
      pauses: this.#workers.reduce((sum, { pauses }) => sum + pauses, 0),
      refusedWrites: this.#witness.refusals,
      effects: this.#works.effects,
      refusedEffects: this.#works.refusals,
      lastedMs: this.course.elapsedMs,
      trace: this.course.trace(),
    };
  }

  /** How long what nobody waits for may be on its way. */
  get #longestMs(): number {
    return Math.round(this.#leaseMs * 1.2);
  }

  /** Dice of its own: the rest of a run does not depend on whether runs may have a queue. */
  #drawQueue(): SimulatedQueue | undefined {
    const { queue = new Dice(this.#options.seed).chance(0.3) } = this.#options;
    return queue ? new SimulatedQueue({ course: this.course, weather: this.#weather, longestMs: this.#longestMs }) : undefined;
  }

  #createLink(mayStop: boolean): SimulatedLink {
    return new SimulatedLink({
      course: this.course,
      store: this.#store,
      weather: this.#weather,
      longestMs: this.#longestMs,
      observer: {
        sent: (process, call) => {
          this.#leases.sent(process, call);
          if (call.method === "claim") this.#workerOf(process)?.claims();
        },
        answered: (process, call, answer, sentAt) => {
          this.#leases.answered(process, call, answer, sentAt);
          this.#queue?.answered(process, call, answer);
        },
      },
      mayStop,
      stopped: (process) => this.#workerOf(process)?.crashed(),
      close: (process) => this.#workerOf(process)?.close(),
    });
  }

  #workerOf(process: SimulatedProcess): SimulatedWorker | undefined {
    return this.#workers.find((one) => one.process === process);
  }

  #createProcess(
    name: string,
    role: "client" | "worker" | "both",
    workerId: string | undefined,
    link: SimulatedLink,
    rate: number,
  ): SimulatedProcess {
    return new SimulatedProcess(this.course, {
      name,
      rate,
      connect: (process) => link.connect(process),
      configure: (process) => ({
        ...this.#common,
        role,
        ...(this.#queue !== undefined && { queue: this.#queue.connect(process) }),
        orchestrator: (this.#kind === "function"
          ? functionWork(process, this.#works)
          : machineWork(process, this.#works)) as AnyOrchestrator,
        ...(workerId !== undefined && { workerId }),
        onError: (error) => this.#reported(process, error),
      }),
    });
  }

  #createWorker(name: string): SimulatedWorker {
    const { jumps, kinds } = this.#weather;
    return new SimulatedWorker({
      course: this.course,
      name,
      link: this.#createLink(true),
      drifts: jumps,
      leaseMs: this.#leaseMs,
      maxConcurrent: this.#common.maxConcurrent ?? 1,
      forsakesLeases: kinds.includes("pause") || jumps,
      createProcess: (...process) => this.#createProcess(...process),
      statusOf: (id) => this.#witness.entries.get(id)?.status,
      heldBy: (process) =>
        [...this.#witness.entries.values()]
          .filter(
            ({ owner, expiresAt = 0 }) => owner !== undefined && owner === this.#leases.ownerOf(process) && expiresAt > this.#store.now(),
          )
          .map(({ id }) => id),
    });
  }

  #reported(process: SimulatedProcess, error: unknown): void {
    if (process.isDead) return;
    this.course.note(process.name, () => `reports ${error}`);
    if (!ActorfleetError.isInstance(error)) this.course.fail(`${process.name} reported ${error instanceof Error ? error.stack : error}`);
  }

  #askable(): SimulatedProcess[] {
    const both = this.#workers.filter(({ role, process, isClosing }) => role === "both" && process.isAwake && !isClosing);
    return [this.#client, this.#client, ...both.map(({ process }) => process)];
  }

  #scheduleFaults(): void {
    const { dice, clock } = this.course;
    const { kinds } = this.#weather;
    const often = (kind: SimulatedFault, most: number, run: () => void) => {
      if (!kinds.includes(kind)) return;
      for (let left = dice.int(1, most); left > 0; left--) clock.setTimeout(run, dice.int(0, this.#lastsMs));
    };
    often("crash", 4, () => dice.pick(this.#workers).crash());
    often("pause", 4, () => dice.pick(this.#workers).pause());
    often("outage", 3, () => this.#breakLinks());
    often("close", 3, () => dice.pick(this.#workers).close());
    often("clockJump", 4, () => this.#jump());
    const sometimes = (run: () => void) => {
      if (dice.chance(0.15)) clock.setTimeout(run, dice.int(0, this.#lastsMs));
    };
    const queue = this.#queue;
    if (queue !== undefined) {
      often("outage", 2, () => queue.breakFor(dice.int(1, this.#leaseMs * 2)));
      for (let noise = dice.int(0, 3); noise > 0; noise--)
        clock.setTimeout(() => queue.postNoise(dice.pick([undefined, "nobody", "e1", "e2"])), dice.int(0, this.#lastsMs));
    }
    sometimes(() => dice.pick(this.#workers).hold());
    sometimes(() => dice.pick(this.#workers).narrow());
    sometimes(() => dice.pick(this.#workers).drain());
  }

  #breakLinks(): void {
    const { dice } = this.course;
    const ms = dice.int(1, this.#leaseMs * 2);
    const links = dice.chance(0.5) ? [this.#clientLink, ...this.#workers.map(({ link }) => link)] : [dice.pick(this.#workers).link];
    this.course.note("world", () => `${links.length === 1 ? "one link is" : "all links are"} down for ${ms} ms`);
    for (const link of links) link.breakFor(ms);
  }

  #jump(): void {
    const { dice } = this.course;
    const ms = dice.int(-2_000, 2_000);
    const what = dice.pick([this.#store, ...this.#workers.map(({ process }) => process)]);
    this.course.note(what instanceof SimulatedProcess ? what.name : "store", () => `its clock is set by ${ms} ms`);
    if (what instanceof SimulatedProcess) what.clock.jump(ms);
    else what.jump(ms);
  }

  /** Its worker has heard of a cancel, and its orchestrator had time to stop. */
  #checkCancels(): void {
    const { elapsedMs } = this.course;
    for (const { id, cancelled, cancelledAt, place } of this.#witness.entries.values()) {
      const sinceMs = elapsedMs - Math.max(cancelledAt, this.#lastsMs);
      if (cancelled && place === "leased" && sinceMs > this.#leaseMs * 2 + 4_000) this.course.fail("it was cancelled, and goes on", id);
    }
  }

  #endFaults(): void {
    this.course.calm = true;
    this.course.note("world", () => "all faults are over");
    for (const worker of this.#workers) {
      worker.process.wake();
      worker.restart();
    }
  }

  async #awaitEnds(): Promise<void> {
    const { clock } = this.course;
    const live = () => [...this.#witness.entries.values()].filter(({ place }) => place !== "final");
    const waited = new Set<string>();
    const waitAll = () => {
      for (const id of this.#witness.entries.keys()) {
        if (waited.has(id)) continue;
        waited.add(id);
        void this.#scenario.awaitEnd(this.#client, id).finally(() => waited.delete(id));
      }
    };
    waitAll();
    let leftMs = patienceMs;
    do {
      for (let isFirst = true; live().length > 0 || this.#scenario.isWaiting || isFirst; isFirst = false) {
        if (leftMs <= 0) {
          const [entry] = live();
          if (entry === undefined) this.course.fail("users are not answered");
          else this.course.fail(`it has not come to its end, and is ${entry.place}`, entry.id);
        }
        for (const { id, cancelled, start } of live())
          if (!cancelled && needsNotes(JSON.parse(start.input) as WorkPlan, this.#kind)) this.#scenario.send(id);
        leftMs -= 1_000;
        await clock.advance(1_000);
        this.#checkCancels();
      }
      this.#scenario.checkAcknowledged();
      // Whoever waits is told, and who was asked to stop has had time to. What a dead process sent may only arrive now.
      await clock.advance(2_500);
    } while (live().length > 0);
    const [untold] = waited;
    if (untold !== undefined) this.course.fail("it has ended, and who waits for it is not told", untold);
    for (const { process, isClosing } of this.#workers) if (!isClosing) this.#checkIdle(process);
  }

  /** Nothing is left to do, so it does nothing, and has all its slots. */
  #checkIdle({ name, coordinator, isDead }: SimulatedProcess): void {
    const { mode, running, queued, waiting, slotsTaken } = coordinator.stats.getSnapshot().context;
    if (isDead || running + queued + waiting + slotsTaken === 0) return;
    this.course.fail(`${name} is ${mode} with ${running} running, ${queued} queued, ${waiting} waiting, ${slotsTaken} slots taken`);
  }

  /** Closes everything in an orderly way: nothing is held after that. */
  async #close(): Promise<void> {
    const { clock } = this.course;
    const processes = [this.#client, ...this.#workers.filter(({ isClosing }) => !isClosing).map(({ process }) => process)];
    let open = processes.length;
    for (const process of processes) void process.coordinator.close({ deadlineMs: 1_000 }).then(() => (open -= 1));
    for (let leftMs = 3_000; leftMs > 0 && open > 0; leftMs -= 500) await clock.advance(500);
    if (open > 0) this.course.fail(`${open} coordinators do not close`);
    await clock.settle();
    this.#queue?.checkQuiet();
  }
}
