import fc from "fast-check";

/** What a random run does. `pick` chooses among those that are concerned, whatever their number is by then. */
export type FleetCommand =
  | { readonly type: "start"; readonly options: RandomStart }
  | { readonly type: "startMany"; readonly all: readonly RandomStart[] }
  | PickCommand<PickType>
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "setMaxConcurrent"; readonly to: number }
  | { readonly type: "advance"; readonly ms: number }
  | { readonly type: "cleanup"; readonly olderThanMs: number };

/** What concerns one execution. */
export type PickType = "finish" | "fail" | "wait" | "wake" | "signal" | "cancel" | "abort";

type PickCommand<Type extends string> = Type extends string ? { readonly type: Type; readonly pick: number } : never;

export interface RandomStart {
  readonly priority?: number;
  readonly group?: string;
  readonly delayMs?: number;
  readonly timeoutMs?: number;
  readonly maxAttempts?: number;
  readonly idempotencyKey?: string;
  readonly input: string;
  readonly hasSignal: boolean;
}

export interface FleetSetting {
  readonly orchestrator: "function that stops" | "function that ignores" | "machine";
  readonly maxConcurrent: number;
  readonly maxQueued?: number;
  readonly maxConcurrentPerGroup?: number;
  readonly rateLimit?: { readonly limit: number; readonly intervalMs: number };
  readonly retention: { readonly maxCount?: number; readonly maxAgeMs?: number };
  readonly ending: "drain" | "close by cancel" | "close by drain" | "close by release";
  readonly seed: number;
}

const spans = fc.constantFrom(1, 50, 100, 250, 500, 1_000, 1_700);

const start: fc.Arbitrary<RandomStart> = fc.record(
  {
    input: fc.constantFrom("x", "y"),
    hasSignal: fc.boolean(),
    priority: fc.constantFrom(-1, 0, 0, 1, 2),
    group: fc.constantFrom("a", "a", "b", "c"),
    delayMs: fc.constantFrom(0, 0, 100, 500),
    timeoutMs: fc.constantFrom(300, 1_000),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    idempotencyKey: fc.constantFrom("k1", "k2", "k3"),
  },
  { requiredKeys: ["input", "hasSignal"] },
);

const pick = fc.nat({ max: 60 });
const picked = (type: PickType) => pick.map((chosen): FleetCommand => ({ type, pick: chosen }));

const command: fc.Arbitrary<FleetCommand> = fc.oneof(
  { weight: 10, arbitrary: start.map((options): FleetCommand => ({ type: "start", options })) },
  { weight: 2, arbitrary: fc.array(start, { maxLength: 4 }).map((all): FleetCommand => ({ type: "startMany", all })) },
  { weight: 7, arbitrary: picked("finish") },
  { weight: 4, arbitrary: picked("fail") },
  { weight: 4, arbitrary: picked("wait") },
  { weight: 2, arbitrary: picked("wake") },
  { weight: 4, arbitrary: picked("signal") },
  { weight: 3, arbitrary: picked("cancel") },
  { weight: 1, arbitrary: picked("abort") },
  { weight: 6, arbitrary: spans.map((ms): FleetCommand => ({ type: "advance", ms })) },
  { weight: 1, arbitrary: fc.constantFrom<FleetCommand>({ type: "pause" }, { type: "resume" }, { type: "resume" }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }).map((to): FleetCommand => ({ type: "setMaxConcurrent", to })) },
  { weight: 1, arbitrary: fc.constantFrom(0, 100, 1_000).map((olderThanMs): FleetCommand => ({ type: "cleanup", olderThanMs })) },
);

export const fleetCommands: fc.Arbitrary<FleetCommand[]> = fc.array(command, { maxLength: 200, size: "max" });

export const fleetSettings: fc.Arbitrary<FleetSetting> = fc.record(
  {
    orchestrator: fc.constantFrom("function that stops", "function that ignores", "machine", "machine"),
    maxConcurrent: fc.integer({ min: 1, max: 4 }),
    maxQueued: fc.constantFrom(0, 2, 5),
    maxConcurrentPerGroup: fc.constantFrom(1, 2),
    rateLimit: fc.record({ limit: fc.integer({ min: 1, max: 3 }), intervalMs: fc.constantFrom(100, 1_000) }),
    retention: fc.record({ maxCount: fc.constantFrom(0, 3, 10), maxAgeMs: fc.constantFrom(500, 2_000) }, { requiredKeys: [] }),
    ending: fc.constantFrom("drain", "close by cancel", "close by drain", "close by release"),
    seed: fc.nat(),
  },
  { requiredKeys: ["orchestrator", "maxConcurrent", "retention", "ending", "seed"] },
);
