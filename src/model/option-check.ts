import { InvalidOptionsError } from "./errors.ts";

/** Throws `InvalidOptionsError` when a value is not what the field may have. `undefined` is checked only where a check is called for it. */
export type OptionCheck = (value: unknown, field: string) => void;

const fails = (field: string, expected: string, received: unknown): never => {
  throw new InvalidOptionsError({ field, expected, received });
};

/** A whole number from `min` on; Infinity only where it is allowed. */
export function wholeNumber(min: number, infinity: "infinity" | "finite" = "finite"): OptionCheck {
  const expected = `a whole number >= ${min}${infinity === "infinity" ? " or Infinity" : ""}`;
  return (value, field) => {
    if (infinity === "infinity" && value === Number.POSITIVE_INFINITY) return;
    if (!Number.isSafeInteger(value) || (value as number) < min) fails(field, expected, value);
  };
}

/** A finite number within bounds, both included. */
export function numberBetween(min: number, max: number): OptionCheck {
  const expected = max === Number.MAX_VALUE ? `a number >= ${min}` : `a number from ${min} to ${max}`;
  return (value, field) => {
    if (typeof value !== "number" || !(value >= min && value <= max)) fails(field, expected, value);
  };
}

/** Milliseconds: a finite number >= 0. */
export const milliseconds: OptionCheck = (value, field) => {
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) fails(field, "milliseconds >= 0", value);
};

/** Milliseconds of a span that cannot be empty: a finite number > 0. */
export const positiveMilliseconds: OptionCheck = (value, field) => {
  if (typeof value !== "number" || !(value > 0 && value < Number.POSITIVE_INFINITY)) fails(field, "milliseconds > 0", value);
};

/** A hundred years: longer spans lead to instants that some stores cannot keep. */
export const maxSpanMs = 3_155_760_000_000;

/** What a store keeps of a span: whole milliseconds. */
export function wholeMilliseconds(min: 0 | 1): OptionCheck {
  const expected = `whole milliseconds from ${min} to ${maxSpanMs}`;
  return (value, field) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > maxSpanMs) fails(field, expected, value);
  };
}

export const finiteNumber: OptionCheck = (value, field) => {
  if (!Number.isFinite(value)) fails(field, "a finite number", value);
};

export const text: OptionCheck = (value, field) => {
  if (typeof value !== "string" || value === "") fails(field, "a non-empty string", value);
};

export const flag: OptionCheck = (value, field) => {
  if (typeof value !== "boolean") fails(field, "true or false", value);
};

export const callable: OptionCheck = (value, field) => {
  if (typeof value !== "function") fails(field, "a function", value);
};

/** An object or function that has these members as functions. */
export function having(...methods: string[]): OptionCheck {
  return (value, field) => {
    const target = (typeof value === "object" && value !== null) || typeof value === "function" ? (value as Record<string, unknown>) : {};
    if (methods.some((method) => typeof target[method] !== "function")) fails(field, `an object with ${methods.join(", ")}`, value);
  };
}

/** What adapters need of a clock. */
export const clock: OptionCheck = having("now", "setTimeout", "clearTimeout");

export function oneOf(...values: readonly string[]): OptionCheck {
  return (value, field) => {
    if (!values.includes(value as string)) fails(field, `one of ${values.join(", ")}`, value);
  };
}

export function listOf(check: OptionCheck): OptionCheck {
  return (value, field) => {
    if (!Array.isArray(value)) return fails(field, "an array", value);
    for (const [index, item] of value.entries()) check(item, `${field}[${index}]`);
  };
}

/** Passes when one of the checks does; `expected` says it in words. */
export function either(expected: string, ...checks: OptionCheck[]): OptionCheck {
  return (value, field) => {
    const passes = checks.some((check) => {
      try {
        check(value, field);
        return true;
      } catch {
        return false;
      }
    });
    if (!passes) fails(field, expected, value);
  };
}

export const object: OptionCheck = (value, field) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fails(field, "an object", value);
};

/** An object with no other fields than these, each as its check wants it, or undefined if it is not required. */
export function fields(checks: Readonly<Record<string, OptionCheck>>, required: readonly string[] = []): OptionCheck {
  return (value, field) => {
    object(value, field);
    const given = value as Readonly<Record<string, unknown>>;
    const pathOf = (key: string) => (field === "options" ? key : `${field}.${key}`);
    for (const key of required) if (!Object.hasOwn(given, key)) checks[key]?.(undefined, pathOf(key));
    for (const key of Object.keys(given)) {
      const item = given[key];
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (check === undefined) fails(pathOf(key), `no such field; known are ${Object.keys(checks).join(", ")}`, item);
      else if (item !== undefined || required.includes(key)) check(item, pathOf(key));
    }
  };
}

/** An abort signal of any realm. */
export const abortSignal: OptionCheck = (value, field) => {
  const signal = value as Partial<AbortSignal> | null;
  if (
    typeof signal !== "object" ||
    signal === null ||
    typeof signal.aborted !== "boolean" ||
    typeof signal.addEventListener !== "function"
  ) {
    fails(field, "an AbortSignal", value);
  }
};
