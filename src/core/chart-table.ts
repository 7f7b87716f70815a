import type { AnyActorRef, EventObject } from "xstate";

/** What a transition is decided by. */
interface Moment {
  readonly context: unknown;
  readonly event: EventObject;
}

/** What the names in a chart stand for. */
export interface ChartParts {
  /** Actions that change the context. */
  readonly changes: { readonly [name: string]: (context: never, params: never) => object };
  /** Names of actions that do something, once the state has changed; each actor has its own. */
  readonly effects: readonly string[];
  readonly guards: { readonly [name: string]: (moment: { readonly context: never }, params: never) => boolean };
}

type Named = string | { readonly type: string; readonly params?: (moment: Moment) => unknown };

interface TransitionConfig {
  readonly target?: string;
  readonly guard?: Named;
  readonly actions?: Named | readonly Named[];
}

type TransitionsConfig = string | TransitionConfig | readonly TransitionConfig[];

/** An actor that runs as long as its state is active. */
export interface InvokeConfig {
  readonly id: string;
  readonly src: string;
  readonly input?: (given: { readonly self: AnyActorRef }) => unknown;
  readonly onDone?: TransitionsConfig;
  readonly onError?: TransitionsConfig;
}

/** As much of a machine's configuration as a table can be made of. */
export interface StateConfig {
  readonly id?: string;
  readonly type?: "final";
  readonly tags?: string;
  readonly initial?: string;
  readonly context?: (given: { readonly input: unknown }) => unknown;
  readonly entry?: Named | readonly Named[];
  readonly on?: { readonly [type: string]: TransitionsConfig };
  readonly invoke?: InvokeConfig;
  readonly states?: { readonly [key: string]: StateConfig };
}

/** A change of the context, or an effect. */
interface ChartAction {
  readonly change: ((context: never, params: never) => object) | undefined;
  readonly effect: string | undefined;
  readonly params: ((moment: Moment) => unknown) | undefined;
}

/** All that happens when it is taken. */
interface ChartTransition {
  isOpen(moment: Moment): boolean;
  /** Undefined: the state stays as it is. */
  readonly target: Leaf | undefined;
  readonly actions: readonly ChartAction[];
  readonly stops: readonly InvokeConfig[];
  readonly starts: readonly InvokeConfig[];
}

/** A state without states of its own. */
export interface Leaf {
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  readonly isFinal: boolean;
  /** By event type, innermost state first; the first open one is taken. */
  readonly transitions: Map<string, ChartTransition[]>;
}

interface ChartState {
  readonly key: string;
  readonly config: StateConfig;
  readonly parent: ChartState | undefined;
  readonly states: ReadonlyMap<string, ChartState>;
}

const understood = new Set([
  "id",
  "type",
  "tags",
  "initial",
  "context",
  "entry",
  "on",
  "invoke",
  "states",
  "schemas",
  "description",
  "meta",
]);

/** The atomic states of a chart by their values, the initial one first. */
export type ChartTable = ReadonlyMap<unknown, Leaf>;

/**
 * Works out every transition of a chart once, for all actors that run it.
 *
 * @returns its atomic states by their values, the initial one first.
 * @throws {TypeError} for what it does not understand: parallel states, history, `always`, `after`, `exit`, transitions to the state itself.
 */
export function createChartTable({ config }: { readonly config: object }, parts: ChartParts): ChartTable {
  const { context: _, ...chart } = config as StateConfig;
  const root = toState("", chart, undefined);
  const leaves = new Map<ChartState, Leaf>();
  for (const state of atomicStates(root)) {
    leaves.set(state, {
      value: stateValue(state),
      tags: new Set(pathOf(state).flatMap(({ config: { tags } }) => tags ?? [])),
      isFinal: state.config.type === "final",
      transitions: new Map(),
    });
  }
  for (const [state, leaf] of leaves) {
    for (const source of pathOf(state).reverse()) {
      for (const [type, given] of transitionsOf(source)) {
        const transitions = listOf(given).map((transition) => toTransition(transition, source, state, root, leaves, parts));
        leaf.transitions.set(type, [...(leaf.transitions.get(type) ?? []), ...transitions]);
      }
    }
  }
  const initial = leaves.get(descend(root)) as Leaf;
  return new Map([initial, ...leaves.values()].map((leaf) => [leaf.value, leaf]));
}

function toState(key: string, config: StateConfig, parent: ChartState | undefined): ChartState {
  const strange = Object.keys(config).find((name) => !understood.has(name));
  if (config.type !== undefined && config.type !== "final")
    throw new TypeError(`a chart's table knows no "${config.type}" state ("${key}")`);
  if (strange !== undefined) throw new TypeError(`a chart's table knows no "${strange}" (state "${key}")`);
  const states = new Map<string, ChartState>();
  const state = { key, config, parent, states };
  for (const [child, childConfig] of Object.entries(config.states ?? {})) states.set(child, toState(child, childConfig, state));
  return state;
}

function atomicStates(state: ChartState): ChartState[] {
  return state.states.size === 0 ? [state] : [...state.states.values()].flatMap(atomicStates);
}

/** From the root to the state. */
function pathOf(state: ChartState): ChartState[] {
  return state.parent === undefined ? [state] : [...pathOf(state.parent), state];
}

function stateValue(state: ChartState): unknown {
  const [, ...keys] = pathOf(state).map(({ key }) => key);
  const last = keys.pop();
  return keys.reduceRight<unknown>((value, key) => Object.freeze({ [key]: value }), last);
}

function descend(state: ChartState): ChartState {
  return state.config.initial === undefined ? state : descend(state.states.get(state.config.initial) as ChartState);
}

function transitionsOf({ config: { on = {}, invoke } }: ChartState): [string, TransitionsConfig][] {
  return [
    ...Object.entries(on),
    ...(invoke?.onDone === undefined ? [] : [[`xstate.done.actor.${invoke.id}`, invoke.onDone] as [string, TransitionsConfig]]),
    ...(invoke?.onError === undefined ? [] : [[`xstate.error.actor.${invoke.id}`, invoke.onError] as [string, TransitionsConfig]]),
  ];
}

function listOf(given: TransitionsConfig): readonly TransitionConfig[] {
  if (typeof given === "string") return [{ target: given }];
  return Array.isArray(given) ? given : [given as TransitionConfig];
}

function toTransition(
  { target, guard, actions }: TransitionConfig,
  source: ChartState,
  from: ChartState,
  root: ChartState,
  leaves: ReadonlyMap<ChartState, Leaf>,
  parts: ChartParts,
): ChartTransition {
  const named = target === undefined ? undefined : find(target, source, root);
  if (named === source) throw new TypeError(`a chart's table knows no transition of "${source.key}" to itself`);
  const to = named && descend(named);
  const left = to === undefined ? [] : pathOf(from).filter((state) => !pathOf(to).includes(state));
  const entered = to === undefined ? [] : pathOf(to).filter((state) => !pathOf(from).includes(state));
  return {
    isOpen: toGuard(guard, parts),
    target: to && leaves.get(to),
    actions: [...listed(actions), ...entered.flatMap(({ config: { entry } }) => listed(entry))].map((action) => toAction(action, parts)),
    stops: left.flatMap(({ config: { invoke } }) => invoke ?? []),
    starts: entered.flatMap(({ config: { invoke } }) => invoke ?? []),
  };
}

/** `#id.a.b` from the root, else `a.b` among the states beside the source. */
function find(target: string, source: ChartState, root: ChartState): ChartState {
  const [first = "", ...rest] = target.split(".");
  const isAbsolute = first === `#${root.config.id}`;
  let found: ChartState | undefined = isAbsolute ? root : source.parent;
  for (const key of isAbsolute ? rest : [first, ...rest]) found = found?.states.get(key);
  if (found === undefined) throw new TypeError(`a chart's table finds no state "${target}" from "${source.key}"`);
  return found;
}

function listed(given: Named | readonly Named[] | undefined): readonly Named[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? given : [given as Named];
}

function toAction(action: Named, { changes, effects }: ChartParts): ChartAction {
  const { type, params } = typeof action === "string" ? { type: action } : action;
  const effect = effects.includes(type) ? type : undefined;
  if (changes[type] === undefined && effect === undefined) throw new TypeError(`a chart's table has no action "${type}"`);
  return { change: changes[type], effect, params };
}

function toGuard(guard: Named | undefined, { guards }: ChartParts): (moment: Moment) => boolean {
  if (guard === undefined) return () => true;
  const { type, params } = typeof guard === "string" ? { type: guard } : guard;
  const ask = guards[type];
  if (ask === undefined) throw new TypeError(`a chart's table has no guard "${type}"`);
  return (moment) => ask(moment as never, params?.(moment) as never);
}
