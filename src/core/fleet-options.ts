import type { AnyStateMachine } from "xstate";
import * as check from "../model/option-check.ts";
import type { Clock } from "../ports/clock.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import type { AdmissionLimits } from "./admission.ts";
import { autonomousMachine } from "./autonomous-machine.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import { commonSettings } from "./common-settings.ts";
import type { CoordinatorOptions, InspectionObserver } from "./coordinator-options.ts";
import type { CoordinatorStats } from "./coordinator-stats.ts";
import type { ExecutionScope } from "./execution-scope.ts";
import { functionAttempt } from "./function-attempt.ts";
import type { LifecycleOptions } from "./lifecycle.ts";
import { machineAttempt } from "./machine-attempt.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";
import { plainMachine } from "./plain-machine.ts";
import type { BeginAttempt } from "./running-attempt.ts";
import { createSystemClock, systemRandom } from "./system-clock.ts";
import { traced } from "./traced.ts";

/** What a fleet is made with. */
export interface FleetOptions extends AdmissionLimits, LifecycleOptions {
  readonly retention: { readonly maxAgeMs: number; readonly maxCount: number };
  readonly inspect: InspectionObserver | undefined;
  /** Of starts that say nothing else. */
  readonly settings: SettingsInput | undefined;
  maxOfGroup(group: string): number;
  statsChanged(stats: CoordinatorStats): void;
}

/** The options of a coordinator with their defaults, as its fleet needs them. */
export function toFleetOptions<O extends AnyOrchestrator>(
  options: CoordinatorOptions<O>,
  statsChanged: (stats: CoordinatorStats) => void,
): FleetOptions {
  const { clock = createSystemClock(), retention = {} } = options;
  const reportError = toErrorReporter(options.onError);
  const inspect = options.inspect && toSafeInspector(options.inspect, reportError);
  return {
    begin: traced(toBeginAttempt(options.orchestrator, clock, inspect), options.tracing, reportError),
    clock,
    maxConcurrent: options.maxConcurrent ?? 10,
    maxQueued: options.maxQueued ?? Number.POSITIVE_INFINITY,
    maxOfGroup: toMaxOfGroup(options.maxConcurrentPerGroup),
    settings: commonSettings(options),
    rateLimit: options.rateLimit,
    cancelGraceMs: options.cancelGraceMs ?? 30_000,
    retention: { maxAgeMs: retention.maxAgeMs ?? 3_600_000, maxCount: retention.maxCount ?? 10_000 },
    retryIf: options.retry?.retryIf,
    random: options.random ?? systemRandom,
    inspect,
    reportError,
    statsChanged,
  };
}

function toBeginAttempt(orchestrator: AnyOrchestrator, clock: Clock, inspect: InspectionObserver | undefined): BeginAttempt {
  return typeof orchestrator === "function"
    ? functionAttempt(orchestrator as (input: unknown, scope: ExecutionScope) => Promise<unknown>)
    : machineAttempt(
        orchestrator instanceof AutonomousOrchestrator
          ? autonomousMachine(orchestrator, inspect)
          : plainMachine(orchestrator as AnyStateMachine, inspect),
        clock,
      );
}

function toMaxOfGroup(limit: number | ((group: string) => number) | undefined): (group: string) => number {
  if (typeof limit !== "function") return () => limit ?? Number.POSITIVE_INFINITY;
  return (group) => {
    const ofGroup = limit(group);
    check.wholeNumber(1, "infinity")(ofGroup, `maxConcurrentPerGroup(${JSON.stringify(group)})`);
    return ofGroup;
  };
}

function toErrorReporter(onError: ((error: unknown) => void) | undefined): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  };
}

/** What an inspector throws is reported and changes nothing. */
function toSafeInspector(inspect: InspectionObserver, reportError: (error: unknown) => void): InspectionObserver {
  const observer = typeof inspect === "function" ? { next: inspect } : inspect;
  return (event) => {
    try {
      observer.next?.(event);
    } catch (error) {
      reportError(error);
    }
  };
}
