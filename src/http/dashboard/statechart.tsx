import { useMemo } from "preact/hooks";
import type { MachineDefinition, StateValue } from "./api.ts";
import { layOutChart, type PlacedEdge, type PlacedState } from "./chart-layout.ts";

/** A statechart as a diagram, with the states lit that are active. */
export function Statechart({ title, machine, active }: { title: string; machine: MachineDefinition; active: StateValue | undefined }) {
  const { width, height, states, edges } = useMemo(() => layOutChart(machine), [machine]);
  const lit = new Set(active === undefined ? [] : pathsOf(active));
  const deepest = [...lit].filter((path) => ![...lit].some((other) => other.startsWith(`${path}.`)));
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div class="drawing">
        <svg
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${title}: ${deepest.length === 0 ? "not at work" : `in ${deepest.join(" and ")}`}`}
        >
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          {[...states]
            .sort((a, b) => a.depth - b.depth)
            .map((state) => (
              <State key={state.path} state={state} isActive={lit.has(state.path)} />
            ))}
          {edges.map((edge) => (
            <Transition key={edge.key} edge={edge} isPossible={lit.has(edge.from)} />
          ))}
        </svg>
      </div>
    </figure>
  );
}

function State({ state, isActive }: { state: PlacedState; isActive: boolean }) {
  const { x, y, width, height, name, notes, kind } = state;
  if (name === "") return <circle class="initial" cx={x + width / 2} cy={y + height / 2} r={5} />;
  return (
    <g class="placed" data-kind={kind} data-active={isActive}>
      <rect x={x} y={y} width={width} height={height} rx={8} />
      {kind === "final" && <rect x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={6} />}
      <text x={x + width / 2} y={y + 18}>
        {name}
      </text>
      {notes.map((note, index) => (
        <text class="note" key={note} x={x + width / 2} y={y + 33 + index * 15}>
          {note}
        </text>
      ))}
    </g>
  );
}

function Transition({ edge, isPossible }: { edge: PlacedEdge; isPossible: boolean }) {
  const { points, labels, labelX, labelY } = edge;
  return (
    <g class="transition" data-possible={isPossible}>
      <path d={curveThrough(points)} marker-end="url(#arrow)" />
      {labels.map((label, index) => (
        <text key={label} x={labelX} y={labelY + 4 + (index - (labels.length - 1) / 2) * 15}>
          {label}
        </text>
      ))}
    </g>
  );
}

/** A line through the middles between its points, bent at the points. */
function curveThrough(points: PlacedEdge["points"]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last;
    const isLastBend = index === rest.length - 2;
    const end = isLastBend ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x} ${point.y} ${end.x} ${end.y}`;
  });
  return `M${first.x} ${first.y}${bends.length === 0 ? `L${last.x} ${last.y}` : bends.join("")}`;
}

/** `{ a: { b: "c" } }` as a, a.b and a.b.c. */
function pathsOf(value: StateValue, prefix = ""): string[] {
  if (typeof value === "string") return [`${prefix}${value}`];
  return Object.entries(value).flatMap(([key, inner]) => [`${prefix}${key}`, ...pathsOf(inner, `${prefix}${key}.`)]);
}
