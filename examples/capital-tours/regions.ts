import { readFileSync } from "node:fs";
import countries from "world-countries/countries.json" with { type: "json" };
import type { Position } from "./distances.ts";

export interface Capital extends Position {
  readonly name: string;
  /** Name of the country. */
  readonly country: string;
}

/** A part of the world: all of it, a continent, or a subregion. */
export interface Area {
  readonly name: string;
  /** 0 the world, 1 a continent, 2 a subregion. */
  readonly level: 0 | 1 | 2;
  readonly capitals: readonly Capital[];
  /** Countries that no tour can visit, each with the reason. */
  readonly unreachable: ReadonlyMap<string, string>;
  /** Its northernmost, easternmost, southernmost and westernmost countries, each once, in this order. */
  readonly outermost: readonly string[];
}

type Country = (typeof countries)[number];

/**
 * The world, then each continent with its subregions. Countries, their regions and the names of their capitals come from the package
 * `world-countries`, the positions of the capitals from `capitals.tsv` (see its head).
 */
export function loadAreas(): Area[] {
  const positions = loadPositions();
  const continents = Object.entries(groupedBy(countries, ({ region }) => region)).flatMap(([continent, members]) => {
    const subregions = Object.entries(groupedBy(members, ({ subregion }) => subregion)).filter(([name]) => name !== "");
    return [
      toArea(continent, 1, members, positions),
      ...subregions.map(([name, membersOfSubregion]) => toArea(name, 2, membersOfSubregion, positions)),
    ];
  });
  return [toArea("World", 0, countries, positions), ...continents];
}

function toArea(name: string, level: Area["level"], members: readonly Country[], positions: ReadonlyMap<string, Position>): Area {
  const capitals: Capital[] = [];
  const unreachable = new Map<string, string>();
  for (const { name: country, cca2, capital } of members) {
    const position = positions.get(cca2);
    if (capital[0] === undefined) unreachable.set(country.common, "it has no capital");
    else if (position === undefined) unreachable.set(country.common, `the data has no position for its capital, ${capital[0]}`);
    else capitals.push({ name: capital[0], country: country.common, ...position });
  }
  return { name, level, capitals, unreachable, outermost: outermostCountries(members) };
}

/** By the middle of the country, which `world-countries` gives for all of them, with a capital or without. */
function outermostCountries(members: readonly Country[]): string[] {
  const latitude = ({ latlng }: Country) => latlng[0] ?? 0;
  const longitude = ({ latlng }: Country) => latlng[1] ?? 0;
  const furthest = (by: (country: Country) => number) => members.reduce((a, b) => (by(b) > by(a) ? b : a)).name.common;
  return [...new Set([furthest(latitude), furthest(longitude), furthest((it) => -latitude(it)), furthest((it) => -longitude(it))])];
}

function loadPositions(): Map<string, Position> {
  const lines = readFileSync(new URL("./capitals.tsv", import.meta.url), "utf8").split("\n");
  const rows = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split("\t"));
  return new Map(rows.map(([country, , latitude, longitude]) => [country!, { latitude: Number(latitude), longitude: Number(longitude) }]));
}

/** With the names in alphabetical order. */
function groupedBy(members: readonly Country[], by: (country: Country) => string): Record<string, Country[]> {
  const groups: Record<string, Country[]> = {};
  for (const name of [...new Set(members.map(by))].sort()) groups[name] = members.filter((country) => by(country) === name);
  return groups;
}
