import fc from "fast-check";

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** Values that a schema allows, and now and then, at any depth, one that it may not allow. */
export function arbitraryOf(schema: JsonSchema, components: Readonly<Record<string, JsonSchema>>): fc.Arbitrary<unknown> {
  const of = (part: JsonSchema): fc.Arbitrary<unknown> => fc.oneof({ weight: 20, arbitrary: right(part) }, { weight: 1, arbitrary: wrong });
  const right = (part: JsonSchema): fc.Arbitrary<unknown> => {
    if (part.$ref !== undefined) return right(components[part.$ref.split("/").at(-1) ?? ""] ?? {});
    if (part.const !== undefined) return fc.constant(part.const);
    if (part.enum !== undefined) return fc.constantFrom(...part.enum);
    if (part.anyOf !== undefined) return fc.oneof(...part.anyOf.map(right));
    switch (part.type) {
      case "object":
        return objectOf(part);
      case "array":
        return fc.array(of(part.items ?? {}), { maxLength: 4 });
      case "string":
        return texts;
      case "integer":
        return fc.integer({ min: part.minimum ?? -5, max: Math.min(part.maximum ?? 5, 2_000) });
      case "number":
        return fc.oneof(
          fc.double({ min: part.minimum ?? part.exclusiveMinimum ?? -1e300, max: part.maximum ?? 1e300, noNaN: true }),
          fc.constantFrom(0, -0, 1, 50, 5e-324, 1.5),
        );
      case "boolean":
        return fc.boolean();
      default:
        return fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant({ id: "1", prompt: "a letter" }));
    }
  };
  const objectOf = ({ properties = {}, required = [], additionalProperties }: JsonSchema): fc.Arbitrary<unknown> => {
    const known = fc.record(
      Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, of(part)])),
      required.length === Object.keys(properties).length ? {} : { requiredKeys: [...required] },
    );
    const others = fc.dictionary(fc.oneof(texts, fc.constantFrom("__proto__", "constructor", "toJSON", "then")), fc.jsonValue(), {
      maxKeys: 2,
    });
    const isOpen = additionalProperties !== false;
    return fc.tuple(known, others, fc.nat(9)).map(([fields, more, chance]) => (isOpen || chance === 0 ? { ...more, ...fields } : fields));
  };
  return of(schema);
}

const texts = fc.oneof(
  // A few that are met again.
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "c", "approve") },
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(".", "..", "xstate.stop", "*", "\0", "\ud800", "%2F", "x".repeat(513)),
);

const wrong = fc.oneof(fc.jsonValue({ maxDepth: 2 }), texts, fc.constantFrom(1e308, -1, null, [], {}));
