import type { Dice } from "./dice.ts";

/** What can go wrong in a simulated run; the text says what it is. */
export const simulatedFaults = {
  delay: "calls of the store and their answers take their time, and overtake each other",
  failBefore: "a call fails, and was not done",
  failAfter: "a call fails, and was done",
  noAnswer: "a call is never answered; it may be done, much later",
  duplicate: "a call is done twice, the second time much later",
  lostNotice: "notices of the store are lost, late or come twice",
  outage: "the store cannot be reached for a while, by one process or by all",
  crash: "a process dies, at a call, between a call and its answer, or at any other moment; another one takes its place",
  pause: "a process stands still, maybe beyond its leases, then goes on as if nothing had happened",
  clockJump: "the wall clocks of processes and store are set, and monotonic ones run up to 3 % fast or slow",
  close: "a worker is closed in an orderly way, and another one takes its place",
} as const;

/** The name of a kind of fault. */
export type SimulatedFault = keyof typeof simulatedFaults;

/** How calls go wrong, each by its probability. */
interface CallRates {
  readonly failBefore: number;
  readonly failAfter: number;
  readonly noAnswer: number;
}

/** How likely what is in one run; the probabilities are per call, notice or second. */
export interface Weather extends CallRates {
  readonly kinds: readonly SimulatedFault[];
  /** One way, at most. */
  readonly latencyMs: number;
  /** One method has rates of its own. */
  readonly aimed: { readonly at: string; readonly rates: CallRates } | undefined;
  readonly duplicate: number;
  readonly lostNotice: number;
  readonly crashAtCall: number;
  readonly pauseAtCall: number;
  readonly closeAtCall: number;
  readonly jumps: boolean;
  /** Nothing happens that could cost anybody a lease. */
  readonly isGentle: boolean;
}

const gentleFaults: readonly SimulatedFault[] = ["delay", "lostNotice", "close"];

const aims = ["claim", "claim", "renew", "settle", "checkpoint", "park", "changeSlots", "readSignals", "requestCancel", "sweep", "insert"];

export function ratesOf({ aimed, ...weather }: Weather, method: string): CallRates {
  return aimed?.at === method ? aimed.rates : weather;
}

/** Each run has some of the faults, some often: a run with all of them gets nowhere. */
export function drawWeather(dice: Dice, allowed: readonly SimulatedFault[]): Weather {
  const isGentle = dice.chance(0.2);
  const kinds = allowed.filter((kind) => dice.chance(0.45) && (!isGentle || gentleFaults.includes(kind)));
  const rate = (kind: SimulatedFault, rates: readonly number[]) => {
    const drawn = dice.pick(rates);
    return kinds.includes(kind) ? drawn : 0;
  };
  const aim = (kind: SimulatedFault) => (dice.chance(0.5) && allowed.includes(kind) ? dice.pick([0.3, 0.7]) : 0);
  const at = dice.pick(aims);
  const rates = { failBefore: aim("failBefore"), failAfter: aim("failAfter"), noAnswer: aim("noAnswer") };
  return {
    kinds,
    aimed: dice.chance(0.4) && !isGentle ? { at, rates } : undefined,
    latencyMs: rate("delay", isGentle ? [5, 50] : [5, 50, 400]),
    failBefore: rate("failBefore", [0.02, 0.1, 0.3]),
    failAfter: rate("failAfter", [0.02, 0.1, 0.3]),
    noAnswer: rate("noAnswer", [0.02, 0.05, 0.15]),
    duplicate: rate("duplicate", [0.05, 0.2]),
    lostNotice: rate("lostNotice", [0.1, 0.5, 1]),
    crashAtCall: rate("crash", [0.005, 0.02]),
    pauseAtCall: rate("pause", [0.005, 0.02]),
    closeAtCall: rate("close", [0, 0.01]),
    jumps: kinds.includes("clockJump"),
    isGentle,
  };
}
