import type { Distances } from "./distances.ts";

const rounds = 1_500;

/**
 * A length that no tour can be shorter than, found without looking at any tour: the bound of Held and Karp
 * ("The traveling-salesman problem and minimum spanning trees", 1970 and 1971). Takes at least three places.
 *
 * A tour without its first place is a path, and a path is a spanning tree; so the shortest spanning tree of the other places plus the two
 * shortest legs at the first place (a "1-tree") is no longer than any tour. Adding a toll to each place lengthens every tour by twice the sum
 * of tolls, but a 1-tree by more where it branches and by less where it ends; so tolls that rise at branches and fall at ends push the bound up.
 */
export function lowerBoundKm(distances: Distances): number {
  const { size } = distances;
  const tolls = new Float64Array(size);
  let previous: Int32Array = new Int32Array(size);
  let bestKm = 0;
  let firstStep = 0;

  for (let round = 0; round < rounds; round += 1) {
    const { km, degrees } = shortestOneTree(distances, tolls);
    bestKm = Math.max(bestKm, km - 2 * tolls.reduce((sum, toll) => sum + toll, 0));
    // Two legs at every place: the 1-tree is itself a tour, so the bound is the shortest length, exactly.
    if (degrees.every((degree) => degree === 2)) break;

    if (round === 0) firstStep = km / (2 * size);
    const step = firstStep * (1 - round / rounds) ** 2;
    for (let place = 0; place < size; place += 1) {
      tolls[place]! += step * (0.7 * (degrees[place]! - 2) + 0.3 * (round === 0 ? degrees[place]! - 2 : previous[place]! - 2));
    }
    previous = degrees;
  }
  return bestKm;
}

/** The shortest 1-tree with tolls, its length and how many legs meet at each place. Prim's algorithm over the places 1, 2, … */
function shortestOneTree({ km, size }: Distances, tolls: Float64Array): { km: number; degrees: Int32Array } {
  const degrees = new Int32Array(size);
  const cheapest = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  const parent = new Int32Array(size).fill(1);
  const inTree = new Uint8Array(size);
  let length = 0;

  for (let place = 1, joined = 1; ; joined += 1) {
    inTree[place] = 1;
    if (joined === size - 1) break;
    let next = -1;
    for (let other = 2; other < size; other += 1) {
      if (inTree[other]) continue;
      const leg = km[place * size + other]! + tolls[place]! + tolls[other]!;
      if (leg < cheapest[other]!) [cheapest[other], parent[other]] = [leg, place];
      if (next < 0 || cheapest[other]! < cheapest[next]!) next = other;
    }
    length += cheapest[next]!;
    degrees[next]! += 1;
    degrees[parent[next]!]! += 1;
    place = next;
  }

  let [nearest, second] = [-1, -1];
  const legHome = (place: number) => (place < 0 ? Number.POSITIVE_INFINITY : km[place]! + tolls[0]! + tolls[place]!);
  for (let place = 1; place < size; place += 1) {
    if (legHome(place) < legHome(nearest)) [nearest, second] = [place, nearest];
    else if (legHome(place) < legHome(second)) second = place;
  }
  degrees[0] = 2;
  degrees[nearest]! += 1;
  degrees[second]! += 1;
  return { km: length + legHome(nearest) + legHome(second), degrees };
}
