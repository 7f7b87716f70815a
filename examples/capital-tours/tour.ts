import type { Distances } from "./distances.ts";

/** Every place once, by its index in the distances, in the order of the visit; from the last one the way leads back to the first. */
export type Tour = readonly number[];

/** Gains below this are rounding, not progress. */
const leastGainKm = 1e-7;
const kicksPerRound = 8;
const longestMovedChain = 3;

/** The tour that always goes on to the nearest place that was not visited yet. */
export function initialTour(distances: Distances, start: number): Tour {
  const left = new Set(Array.from({ length: distances.size }, (_, place) => place));
  left.delete(start);
  const order = [start];
  for (let here = start; left.size > 0; order.push(here)) {
    let nearest = -1;
    for (const place of left) if (nearest < 0 || kmBetween(distances, here, place) < kmBetween(distances, here, nearest)) nearest = place;
    here = nearest;
    left.delete(here);
  }
  return order;
}

/**
 * One round of improvement: a shorter tour from the same start, or the same tour if this round found none.
 * While a simple change helps, a round makes the best one. From then on it tries a few random kicks, each repaired by simple changes.
 */
export function improveOnce(tour: Tour, distances: Distances, random: () => number): Tour {
  const changed = withBestChange(tour, distances);
  if (changed !== undefined) return changed;

  let best = tour;
  if (distances.size < 8) return best; // So few places leave a kick nothing to find.
  for (let kick = 0; kick < kicksPerRound; kick += 1) {
    const candidate = repaired(kicked(best, random), distances);
    if (lengthKm(candidate, distances) < lengthKm(best, distances) - leastGainKm) best = candidate;
  }
  return best;
}

/** The length of the round trip. */
export function lengthKm(tour: Tour, distances: Distances): number {
  return tour.reduce((sum, place, index) => sum + kmBetween(distances, place, at(tour, index + 1)), 0);
}

/** Whether `tour` visits each of `size` places exactly once. */
export function isTour(tour: Tour, size: number): boolean {
  return (
    tour.length === size && new Set(tour).size === size && tour.every((place) => Number.isInteger(place) && place >= 0 && place < size)
  );
}

function repaired(tour: Tour, distances: Distances): Tour {
  let best = tour;
  for (let next: Tour | undefined = tour; next !== undefined; next = withBestChange(best, distances)) best = next;
  return best;
}

interface Change {
  readonly gainKm: number;
  apply(): Tour;
}

/** The tour after the 2-opt or Or-opt change that saves most, or undefined if none saves anything. */
function withBestChange(tour: Tour, distances: Distances): Tour | undefined {
  const crossing = bestTwoOptChange(tour, distances);
  const chain = bestOrOptChange(tour, distances);
  const best = crossing.gainKm > chain.gainKm ? crossing : chain;
  return best.gainKm > leastGainKm ? best.apply() : undefined;
}

/** 2-opt: replaces two legs by two others, which turns round what lies between them; this is what removes crossings. */
function bestTwoOptChange(tour: Tour, { km, size }: Distances): Change {
  let [gainKm, from, to] = [0, 0, 0];
  for (let i = 0; i < size - 2; i += 1) {
    const a = at(tour, i) * size;
    const b = at(tour, i + 1) * size;
    const leg = km[a + at(tour, i + 1)]!;
    for (let j = i + 2; j < size; j += 1) {
      const c = at(tour, j);
      const d = at(tour, j + 1);
      const gain = leg + km[c * size + d]! - km[a + c]! - km[b + d]!;
      if (gain > gainKm) [gainKm, from, to] = [gain, i + 1, j + 1];
    }
  }
  return { gainKm, apply: () => [...tour.slice(0, from), ...tour.slice(from, to).reverse(), ...tour.slice(to)] };
}

/** Or-opt: moves a chain of up to three places to where it fits better, turned round if that is shorter. */
function bestOrOptChange(tour: Tour, { km, size }: Distances): Change {
  let [gainKm, from, to, leftAt, turned] = [0, 0, 0, 0, false];
  for (let length = 1; length <= Math.min(longestMovedChain, size - 3); length += 1) {
    for (let first = 1; first + length <= size; first += 1) {
      const head = at(tour, first) * size;
      const tail = at(tour, first + length - 1) * size;
      const [before, after] = [at(tour, first - 1), at(tour, first + length)];
      const saved = km[head + before]! + km[tail + after]! - km[before * size + after]!;
      if (saved <= gainKm) continue; // Putting the chain elsewhere costs something, so it cannot beat the best change so far.
      for (let position = 0; position < size; position += 1) {
        if (position >= first - 1 && position < first + length) continue;
        const left = at(tour, position);
        const right = at(tour, position + 1);
        const straight = saved + km[left * size + right]! - km[head + left]! - km[tail + right]!;
        const reversed = saved + km[left * size + right]! - km[tail + left]! - km[head + right]!;
        const gain = Math.max(straight, reversed);
        if (gain > gainKm) [gainKm, from, to, leftAt, turned] = [gain, first, first + length, position, reversed > straight];
      }
    }
  }
  return { gainKm, apply: () => withChainMoved(tour, from, to, leftAt, turned) };
}

function withChainMoved(tour: Tour, from: number, to: number, leftAt: number, turned: boolean): Tour {
  const chain = turned ? tour.slice(from, to).reverse() : tour.slice(from, to);
  return leftAt < from
    ? [...tour.slice(0, leftAt + 1), ...chain, ...tour.slice(leftAt + 1, from), ...tour.slice(to)]
    : [...tour.slice(0, from), ...tour.slice(to, leftAt + 1), ...chain, ...tour.slice(leftAt + 1)];
}

/** Swaps two neighbouring stretches of the tour ("double bridge"), a change that 2-opt and Or-opt cannot undo at once. */
function kicked(tour: Tour, random: () => number): Tour {
  // Mostly a small stretch, which is quickly repaired; now and then a large one, for what small ones cannot reach.
  const longest = Math.min(random() < 0.8 ? 10 : 80, Math.floor((tour.length - 1) / 3));
  const [first, second] = [1 + Math.floor(random() * longest), 1 + Math.floor(random() * longest)];
  const from = 1 + Math.floor(random() * (tour.length - first - second));
  const [middle, to] = [from + first, from + first + second];
  return [...tour.slice(0, from), ...tour.slice(middle, to), ...tour.slice(from, middle), ...tour.slice(to)];
}

function at(tour: Tour, index: number): number {
  return tour[index < tour.length ? index : index - tour.length] as number;
}

function kmBetween({ km, size }: Distances, from: number, to: number): number {
  return km[from * size + to] as number;
}
