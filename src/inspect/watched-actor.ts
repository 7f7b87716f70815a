import type { ActorRefLike } from "xstate";
import type { ShownSnapshot } from "./inspection-message.ts";
import { toShown } from "./shown.ts";

/** An actor that an inspector is told of. */
export interface WatchedActor {
  readonly kind: "supervisor" | "execution" | "machine";
  readonly name: string;
  readonly sessionId: string;
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly ref: InspectedRef;
  /** Of the machines that belong to it, those that live. */
  readonly owned: Set<WatchedActor>;
  /** Whether the inspector knows of it. */
  isShown: boolean;
  /** Of the supervisor: the mode that was told last. */
  toldMode?: unknown;
}

/** What XState shows of an actor to inspectors. */
export type InspectedRef = ActorRefLike & {
  readonly id: string;
  readonly logic?: { readonly config?: object };
  readonly _parent?: InspectedRef;
};

interface AnySnapshot {
  readonly status: ShownSnapshot["status"];
  readonly value?: unknown;
  readonly context?: Record<string, unknown>;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** Of an execution's context, what says nothing about the work itself. */
const harmless = ["attempt", "queuedAt", "startedAt", "completedAt", "retryDelayMs", "abandoned"];

export function toShownSnapshot({ kind, ref }: WatchedActor, given: unknown, payloads: boolean): ShownSnapshot {
  const { status, value, context = {}, output, error } = given as AnySnapshot;
  const shown = {
    status,
    ...(value !== undefined && { value }),
    context: kind === "supervisor" ? countsOf(ref) : toShownContext(kind, context, payloads),
    ...(payloads && output !== undefined && { output: toShown(output) }),
    ...(error !== undefined && { error: payloads ? toShown(error) : nameOf(error) }),
  };
  return shown as ShownSnapshot;
}

/** The configuration without the values it begins with. */
export function definitionOf({ ref: { id, logic } }: WatchedActor): string {
  const config = logic?.config;
  if (config === undefined) return JSON.stringify({ id });
  const known = definitions.get(config);
  if (known !== undefined) return known;
  const { context: _, ...chart } = config as { context?: unknown };
  const definition = JSON.stringify(chart, (_name, value) => (typeof value === "function" ? { type: value.name } : value)) ?? "{}";
  definitions.set(config, definition);
  return definition;
}

const definitions = new WeakMap<object, string>();

function toShownContext(kind: "execution" | "machine", context: Record<string, unknown>, payloads: boolean): object {
  if (payloads) return toShown(context) as object;
  if (kind === "machine") return Object.fromEntries(Object.keys(context).map((name) => [name, "[hidden]"]));
  return {
    ...Object.fromEntries(harmless.filter((name) => context[name] !== undefined).map((name) => [name, context[name]])),
    ...(context.error !== undefined && { error: nameOf(context.error) }),
  };
}

function countsOf(ref: InspectedRef): object {
  const { context } = (ref as unknown as { getSnapshot(): { context: { fleet: { stats(): object } } } }).getSnapshot();
  return context.fleet.stats();
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
