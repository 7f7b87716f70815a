import { Graph, layout } from "@dagrejs/dagre";
import type { MachineDefinition, TransitionDefinition } from "./api.ts";
import { toSpan } from "./format.ts";

/** Where things are: absolute, in pixels. */
export interface PlacedState {
  readonly path: string;
  readonly name: string;
  readonly notes: readonly string[];
  readonly kind: MachineDefinition["type"];
  readonly isInitial: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
}

export interface PlacedEdge {
  readonly key: string;
  /** Full paths of the states between which it leads, also where it is drawn between states around them. */
  readonly from: string;
  readonly labels: readonly string[];
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly labelX: number;
  readonly labelY: number;
}

export interface ChartLayout {
  readonly width: number;
  readonly height: number;
  readonly states: readonly PlacedState[];
  readonly edges: readonly PlacedEdge[];
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

interface Box {
  width: number;
  height: number;
  states: PlacedState[];
  edges: PlacedEdge[];
}

const characterWidth = 6.6;
const lineHeight = 15;
const padding = 14;
const headHeight = 26;

/**
 * Places the states of a chart, the inner ones inside the outer ones. Each level is laid out by itself; a transition between states of
 * different levels leads from and to the states around them, with the inner ones named at its label.
 */
export function layOutChart(machine: MachineDefinition): ChartLayout {
  const edges = edgesOf(machine, []);
  const { width, height, states, edges: placed } = layOutInside(machine, [], edges, 0);
  return { width, height, states, edges: placed };
}

function layOutInside(parent: MachineDefinition, path: readonly string[], edges: readonly Edge[], depth: number): Box {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 40, edgesep: 14, marginx: 10, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  const inner = new Map<string, Box | undefined>();
  const children = Object.entries(parent.states);
  for (const [key, state] of children) {
    const at = [...path, key];
    const isComposite = Object.keys(state.states).length > 0;
    const box = isComposite ? layOutInside(state, at, edges, depth + 1) : undefined;
    inner.set(key, box);
    graph.setNode(key, sizeOf(state, box));
  }
  const isParallel = parent.type === "parallel";
  const initialKey = isParallel ? undefined : keyOfInitial(parent);
  if (initialKey !== undefined) {
    graph.setNode("•", { width: 12, height: 12 });
    graph.setEdge("•", initialKey, { width: 1, height: 1 }, "initial");
  }
  for (const [name, { from, to, labels }] of gathered(edges, path)) {
    const widest = Math.max(...labels.map((label) => label.length));
    graph.setEdge(from, to, { width: widest * characterWidth, height: labels.length * lineHeight, labelpos: "c", labels }, name);
  }
  layout(graph);
  return toBox(graph, parent, path, inner, initialKey, depth);
}

function toBox(
  graph: Graph,
  parent: MachineDefinition,
  path: readonly string[],
  inner: ReadonlyMap<string, Box | undefined>,
  initialKey: string | undefined,
  depth: number,
): Box {
  const { width = 0, height = 0 } = graph.graph();
  const box: Box = { width, height, states: [], edges: [] };
  for (const key of graph.nodes()) {
    const { x, y, width: wide, height: tall } = graph.node(key);
    const [left, top] = [x - wide / 2, y - tall / 2];
    const state = parent.states[key];
    const common = { x: left, y: top, width: wide, height: tall, depth };
    if (state === undefined) {
      box.states.push({ ...common, path: [...path, "•"].join("."), name: "", notes: [], kind: "history", isInitial: true });
      continue;
    }
    const name = [...path, key].join(".");
    box.states.push({ ...common, path: name, name: key, notes: notesOf(state), kind: state.type, isInitial: key === initialKey });
    const content = inner.get(key);
    if (content === undefined) continue;
    const [shiftX, shiftY] = [left + (wide - content.width) / 2, top + headHeight + notesOf(state).length * lineHeight];
    box.states.push(...content.states.map((placed) => ({ ...placed, x: placed.x + shiftX, y: placed.y + shiftY })));
    box.edges.push(...content.edges.map((placed) => shifted(placed, shiftX, shiftY)));
  }
  for (const edge of graph.edges()) {
    const { points = [], x = 0, y = 0, labels = [], width: wide = 0 } = graph.edge(edge) as PlacedByDagre;
    const key = [...path, edge.v, edge.w, edge.name].join(".");
    box.edges.push({ key, from: [...path, edge.v].join("."), labels, points, labelX: x, labelY: y });
    box.width = Math.max(box.width, x + wide / 2 + 10);
  }
  return box;
}

interface PlacedByDagre {
  readonly points?: readonly { x: number; y: number }[];
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly labels?: readonly string[];
}

function shifted(edge: PlacedEdge, x: number, y: number): PlacedEdge {
  const points = edge.points.map((point) => ({ x: point.x + x, y: point.y + y }));
  return { ...edge, points, labelX: edge.labelX + x, labelY: edge.labelY + y };
}

/** Edges that belong to this level, those between the same two states as one. */
function gathered(edges: readonly Edge[], path: readonly string[]): Map<string, { from: string; to: string; labels: string[] }> {
  const depth = path.length;
  const found = new Map<string, { from: string; to: string; labels: string[] }>();
  for (const edge of edges) {
    const [from, to] = [edge.from.split("."), edge.to.split(".")];
    const isHere = path.every((key, index) => from[index] === key && to[index] === key);
    const [source, target] = [from[depth], to[depth]];
    // What leads from a state to one inside it, or around it, is drawn at its border: as a loop.
    if (!isHere || source === undefined || target === undefined) continue;
    if (source === target && (from.length > depth + 1 || to.length > depth + 1) && edge.from !== edge.to) continue;
    if (source === target && edge.from === edge.to && from.length > depth + 1) continue;
    const inner = from.slice(depth + 1).join(".");
    const arrival = to.slice(depth + 1).join(".");
    const label = `${inner === "" ? "" : `${inner}: `}${edge.label}${arrival === "" ? "" : ` → ${arrival}`}`;
    const name = `${source}>${target}`;
    const same = found.get(name) ?? { from: source, to: target, labels: [] };
    if (!same.labels.includes(label)) same.labels.push(label);
    found.set(name, same);
  }
  return found;
}

function edgesOf(state: MachineDefinition, path: readonly string[]): Edge[] {
  const own = (state.transitions ?? []).flatMap((transition) =>
    (transition.target ?? []).map((target) => ({ from: path.join("."), to: pathOf(target), label: labelOf(transition, state) })),
  );
  return [
    ...own.filter(({ from }) => from !== ""),
    ...Object.entries(state.states).flatMap(([key, child]) => edgesOf(child, [...path, key])),
  ];
}

/** `#machine.a.b` as XState's definitions name a state. */
function pathOf(target: string): string {
  return target.replace(/^#/, "").split(".").slice(1).join(".");
}

function labelOf({ eventType, guard }: TransitionDefinition, state: MachineDefinition): string {
  const [, kind, , id] = /^xstate\.(done|error|snapshot)\.(actor|state)\.(.+)$/.exec(eventType) ?? [];
  const [, delay] = /^xstate\.after\.(.+?)\./.exec(eventType) ?? [];
  const invoked = state.invoke.length === 1 ? nameOf(state.invoke[0]?.src) : id;
  const cause =
    kind !== undefined
      ? `${invoked} ${kind}`
      : delay !== undefined
        ? `after ${/^\d+$/.test(delay) ? toSpan(Number(delay)) : delay}`
        : eventType || "always";
  return guard === undefined ? cause : `${cause} [${nameOf(guard)}]`;
}

function nameOf(value: unknown): string {
  if (typeof value === "string") return value;
  const { type, guards } = (value ?? {}) as { type?: unknown; guards?: unknown[] };
  if (Array.isArray(guards)) return guards.map(nameOf).join(` ${String(type)} `);
  return typeof type === "string" ? type : "inline";
}

function notesOf({ invoke, tags }: MachineDefinition): string[] {
  return [...invoke.map(({ src }) => `invokes ${nameOf(src)}`), ...tags.map((tag) => `#${tag}`)];
}

function keyOfInitial({ initial, states }: MachineDefinition): string | undefined {
  const [target = ""] = initial?.target ?? [];
  const key = target.split(".").at(-1) ?? "";
  return key in states ? key : undefined;
}

function sizeOf(state: MachineDefinition, box: Box | undefined): { width: number; height: number } {
  const notes = notesOf(state);
  const widest = Math.max(state.key.length + 2, ...notes.map((note) => note.length));
  const own = { width: widest * characterWidth + padding * 2, height: headHeight + notes.length * lineHeight + 6 };
  if (box === undefined) return own;
  return { width: Math.max(own.width, box.width + 8), height: headHeight + notes.length * lineHeight + box.height + 4 };
}
