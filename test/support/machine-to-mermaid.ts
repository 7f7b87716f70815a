import type { AnyStateMachine, AnyStateNode } from "xstate";

/**
 * Draws a machine as a Mermaid `stateDiagram-v2`, as GitHub shows it: nested states, initial and final ones, an edge per transition with
 * its guard, what a state invokes, and tags and entry actions as notes. Actions of transitions are left out: a picture of states, not a listing.
 */
export function machineToMermaid(machine: AnyStateMachine): string {
  const { inside, across } = drawStates(machine.root);
  return ["stateDiagram-v2", ...indent([...inside, ...across])].join("\n");
}

interface Drawing {
  inside: string[];
  /** Edges between children of different states. Mermaid takes a state named in a block for a child of it, so they stand at the top. */
  across: string[];
}

function drawStates(parent: AnyStateNode): Drawing {
  const inside: string[] = [];
  const across: string[] = [];
  const children = Object.values(parent.states);
  if (parent.type === "compound") {
    for (const target of parent.initial.target) inside.push(`[*] --> ${idOf(target)}`);
  }
  for (const child of children) {
    if (isComposite(child)) {
      const drawn = drawStates(child);
      inside.push(`${declare(child, [child.key, ...remarksOn(child)].join(", "))} {`, ...indent(drawn.inside), "}");
      across.push(...drawn.across);
      continue;
    }
    inside.push(declare(child, child.type === "history" ? `${child.key} (history)` : child.key));
    const remarks = remarksOn(child);
    if (remarks.length > 0) inside.push(`note right of ${idOf(child)}`, ...indent(remarks), "end note");
  }
  for (const child of children) {
    for (const { target, label } of edgesOf(child)) {
      const edge = `${idOf(child)} --> ${idOf(target)} : ${label}`;
      if (target.parent === parent) inside.push(edge);
      else across.push(edge);
    }
  }
  for (const child of children) {
    if (child.type === "final") inside.push(`${idOf(child)} --> [*]`);
  }
  return { inside, across };
}

function declare(node: AnyStateNode, title: string): string {
  return title === idOf(node) ? `state ${title}` : `state "${title}" as ${idOf(node)}`;
}

function edgesOf(node: AnyStateNode): { target: AnyStateNode; label: string }[] {
  return transitionsOf(node).flatMap(({ targets, label }) => {
    // An edge from a composite state to itself does not render; its remarks tell of it.
    if (targets.length === 0) return isComposite(node) ? [] : [{ target: node, label }];
    return targets.map((target) => ({ target, label }));
  });
}

function transitionsOf(node: AnyStateNode): { targets: readonly AnyStateNode[]; label: string }[] {
  const delays = new Map(node.after.map(({ eventType, delay }) => [eventType, delay]));
  const onEvents = [...node.transitions.values()].flat();
  return [...onEvents, ...(node.always ?? [])].map(({ eventType, guard, target }) => {
    const delay = delays.get(eventType);
    const cause = delay === undefined ? causeOf(eventType, node) : `after ${typeof delay === "number" ? `${delay} ms` : nameOf(delay)}`;
    return { targets: (target ?? []) as AnyStateNode[], label: guard === undefined ? cause : `${cause} [${nameOf(guard)}]` };
  });
}

/** XState's own event types carry ids of actors and states; a reader wants to know who is done. */
function causeOf(eventType: string, node: AnyStateNode): string {
  if (eventType === "") return "always";
  const [, kind, , id] = /^xstate\.(done|error|snapshot)\.(actor|state)\.(.+)$/.exec(eventType) ?? [];
  if (id === undefined) return eventType;
  const invoked = invokedBy(node).find((definition) => definition.id === id);
  return `${invoked === undefined ? "all" : nameOf(invoked.src)} ${kind}`;
}

/** By the state or one that it is in. */
function invokedBy(node: AnyStateNode): AnyStateNode["invoke"] {
  return node.parent === undefined ? node.invoke : [...node.invoke, ...invokedBy(node.parent)];
}

function remarksOn(node: AnyStateNode): string[] {
  const internal = isComposite(node) ? transitionsOf(node).filter(({ targets }) => targets.length === 0) : [];
  return [
    ...(node.type === "parallel" ? ["parallel"] : []),
    ...node.invoke.map(({ src }) => `invokes ${nameOf(src)}`),
    ...node.tags.map((tag: string) => `tag ${tag}`),
    // From the configuration: `node.entry` also holds what XState adds for delays.
    ...[node.config.entry ?? []].flat().map((action: unknown) => `on entry ${nameOf(action)}`),
    ...[node.config.exit ?? []].flat().map((action: unknown) => `on exit ${nameOf(action)}`),
    ...internal.map(({ label }) => `on ${label}`),
  ];
}

/** The name under which `setup` knows a guard, an action, an actor or a delay. */
function nameOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "function" && "guards" in value && Array.isArray(value.guards)) {
    const names = value.guards.map(nameOf);
    return value.name === "not" ? `not ${names[0]}` : names.join(` ${value.name} `);
  }
  if (typeof value === "function" && "type" in value) return String(value.type).replace(/^xstate\./, "");
  if (typeof value === "object" && value !== null && "type" in value) return String(value.type);
  return "inline";
}

function isComposite(node: AnyStateNode): boolean {
  return node.type === "compound" || node.type === "parallel";
}

function idOf(node: AnyStateNode): string {
  return node.path.map((key: string) => key.replace(/\W/g, "_")).join("_");
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
