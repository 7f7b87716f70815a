import fc from "fast-check";
import { expect, it } from "vitest";
import { kafkaNames } from "../../../../src/adapters/kafka/kafka-names.ts";

/** Also of halves of surrogate pairs. */
const anyName = fc.array(fc.nat(0xffff), { maxLength: 400 }).map((units) => String.fromCharCode(...units));

it("a plain name stays readable, and everything else is spelt out", () => {
  expect(kafkaNames("actorfleet", "reports-2")).toEqual({ topic: "actorfleet.reports-2", aside: "actorfleet.reports-2_aside" });
  expect(kafkaNames("p", "a b/ä_.").topic).toBe("p.a_0020b_002f_00e4_005f_002e");
});

it("every topic is one that Kafka takes", () => {
  fc.assert(
    fc.property(anyName, fc.constantFrom("p", "my.company_app-1", "x".repeat(100)), (name, prefix) => {
      const { topic, aside } = kafkaNames(prefix, name);
      for (const each of [topic, aside]) expect(each).toMatch(/^[a-zA-Z0-9._-]{1,249}$/);
    }),
  );
});

it("no two names share a topic, however alike or long they are", () => {
  const long = "x".repeat(300);
  const alike = ["a", "A", "a_aside", "a_0020", "a ", "a.", "a_", "", "\ud800", "\ud801", "\ufffd", "a_h", long, `${long}y`, `y${long}`];
  const topics = alike.flatMap((name) => Object.values(kafkaNames("p", name)));
  expect(new Set(topics).size).toBe(alike.length * 2);
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      fc.pre(one !== other);
      expect(kafkaNames("p", one).topic).not.toBe(kafkaNames("p", other).topic);
      expect(kafkaNames("p", one).aside).not.toBe(kafkaNames("p", other).topic);
    }),
  );
});
