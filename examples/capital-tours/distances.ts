/** Kilometres between every two of `size` places: from `i` to `j` at index `i * size + j`. */
export interface Distances {
  readonly size: number;
  readonly km: Float64Array;
}

/** A place on the globe, in degrees. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

const earthRadiusKm = 6371.0088;
const radiansPerDegree = Math.PI / 180;

/** Great-circle distances on a sphere (haversine formula); real roads, ferries and flights are longer. */
export function greatCircleDistances(places: readonly Position[]): Distances {
  const size = places.length;
  const km = new Float64Array(size * size);
  for (const [i, from] of places.entries()) {
    for (const [j, to] of places.entries()) {
      if (i < j) km[i * size + j] = km[j * size + i] = greatCircleKm(from, to);
    }
  }
  return { size, km };
}

function greatCircleKm(from: Position, to: Position): number {
  const [latitude, otherLatitude] = [from.latitude * radiansPerDegree, to.latitude * radiansPerDegree];
  const longitudes = (to.longitude - from.longitude) * radiansPerDegree;
  const half = Math.sin((otherLatitude - latitude) / 2) ** 2 + Math.cos(latitude) * Math.cos(otherLatitude) * Math.sin(longitudes / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(half)));
}
