/** Numbers, spans and instants as people read them. */

const whole = new Intl.NumberFormat("en");
const clockTime = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayAndTime = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

export function toCount(count: number): string {
  return whole.format(count);
}

export function toSpan(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return inTwo(minutes, "min", Math.floor((ms % 60_000) / 1_000), "s");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? inTwo(hours, "h", minutes % 60, "min") : inTwo(Math.floor(hours / 24), "d", hours % 24, "h");
}

function inTwo(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** The time of day; with the date where that was not today. */
export function toTime(at: number): string {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return (isToday ? clockTime : dayAndTime).format(at);
}

/** One line of JSON, cut where it is too long for its place. */
export function toLine(value: unknown, length: number): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
