import { describe, expect, it } from "vitest";
import { z } from "zod";
import { boundedRecord, cel, pattern, text, uniqueBy, uniqueItems } from "../api/rule.ts";
import { toStructuralSchema, UnsupportedSchemaError } from "./structural-schema.ts";

function field(schema: z.ZodType): unknown {
  return toStructuralSchema(z.object({ x: schema.describe("A field.") }), "spec").properties?.["x"];
}

describe("toStructuralSchema", () => {
  it("requires what has neither default nor optional()", () => {
    const schema = z.object({
      needed: text(9).describe("a"),
      optional: text(9).optional().describe("b"),
      defaulted: text(9).default("x").describe("c"),
    });

    expect(toStructuralSchema(schema, "spec")).toEqual({
      type: "object",
      required: ["needed"],
      properties: {
        needed: { type: "string", maxLength: 9, description: "a" },
        optional: { type: "string", maxLength: 9, description: "b" },
        defaulted: { type: "string", maxLength: 9, description: "c Default: x.", default: "x" },
      },
    });
  });

  it.each([
    [text(9).default("main"), "A field. Default: main."],
    [text(9).default("."), 'A field. Default: ".".'],
    [z.boolean().default(false), "A field. Default: false."],
    [z.int32().default(4), "A field. Default: 4."],
    [text(9).optional(), "A field."],
    [z.object({ a: text(9).default("b").describe("Part.") }).default({ a: "b" }), "A field."],
  ])("tells the default where kubectl explain shows it: %#", (schema, description) => {
    expect(field(schema)).toMatchObject({ description });
  });

  it.each([
    ["a safe integer", z.int(), { type: "integer", format: "int64" }],
    ["a bounded integer", z.int().min(0).max(9), { type: "integer", format: "int32", minimum: 0, maximum: 9 }],
    ["a 32-bit integer", z.int32(), { type: "integer", format: "int32", minimum: -2147483648, maximum: 2147483647 }],
    ["an integer from 1", z.int().min(1), { type: "integer", format: "int64", minimum: 1 }],
    ["a number", z.number(), { type: "number" }],
    ["a time", z.iso.datetime({ offset: true }), { type: "string", format: "date-time" }],
    ["a string with an expression", text(3).regex(/^a/u), { type: "string", maxLength: 3, pattern: "^a" }],
    ["anything", z.unknown(), { "x-kubernetes-preserve-unknown-fields": true }],
    [
      "a map of anything",
      boundedRecord(z.unknown(), 4),
      { type: "object", maxProperties: 4, "x-kubernetes-preserve-unknown-fields": true },
    ],
    [
      "a map of strings",
      boundedRecord(text(3), 4),
      { type: "object", maxProperties: 4, additionalProperties: { type: "string", maxLength: 3 } },
    ],
    [
      "a set",
      uniqueItems(z.array(z.int32().min(1)).max(2)),
      {
        type: "array",
        maxItems: 2,
        items: { type: "integer", format: "int32", minimum: 1, maximum: 2147483647 },
        "x-kubernetes-list-type": "set",
      },
    ],
    [
      "a read-only list",
      z.array(z.boolean()).max(1).readonly(),
      { type: "array", maxItems: 1, items: { type: "boolean" } },
    ],
  ])("says %s", (_, schema, expected) => {
    expect(field(schema)).toEqual({ ...expected, description: "A field." });
  });

  it("says a list of objects told apart by a field", () => {
    const item = z.object({ name: text(5).describe("Its name.") });

    expect(field(uniqueBy(z.array(item).max(2), "name"))).toMatchObject({
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: { type: "object", required: ["name"] },
    });
  });

  it("carries every rule to its node, in order, through describe, optional and default", () => {
    const odd = cel(text(9), {
      rule: "self.size() % 2 == 1",
      holds: (value) => value.length % 2 === 1,
      message: "odd",
    });
    const both = cel(odd.describe("x"), {
      rule: "self != 'abc'",
      holds: (value) => value !== "abc",
      message: "not abc",
      hidesValue: true,
    });

    expect(field(both.optional())).toMatchObject({
      "x-kubernetes-validations": [
        { rule: "self.size() % 2 == 1", message: "odd" },
        { rule: "self != 'abc'", message: "not abc", reason: "FieldValueForbidden" },
      ],
    });
  });

  it("says which field of an object a rule speaks of", () => {
    const object = cel(z.object({ a: z.int().describe("A.") }), {
      rule: "self.a > 1",
      holds: ({ a }) => a > 1,
      message: "m",
      field: "a",
    });

    expect(field(object)).toMatchObject({
      "x-kubernetes-validations": [{ rule: "self.a > 1", message: "m", fieldPath: ".a" }],
    });
    expect(object.safeParse({ a: 1 }).error?.issues).toMatchObject([{ path: ["a"], message: "m" }]);
  });

  it("writes expressions as CEL strings", () => {
    expect(field(pattern(9, { matches: /^a\\"\/$/u, excludes: /b/u, message: "m" }))).toMatchObject({
      "x-kubernetes-validations": [
        { rule: String.raw`self.matches("^a\\\\\"\\/$") && !self.matches("b")`, message: "m" },
      ],
    });
  });

  interface Tree {
    child?: Tree | undefined;
  }
  const tree: z.ZodType<Tree> = z.object({
    get child() {
      return tree.optional();
    },
  });

  it.each([
    ["union", z.union([text(1), z.int()]), "a union"],
    [
      "discriminated union",
      z.discriminatedUnion("t", [z.object({ t: z.literal("a") }), z.object({ t: z.literal("b") })]),
      "a discriminated union",
    ],
    ["never", z.never(), "`never`"],
    ["intersection", z.intersection(text(1), text(2)), "an intersection"],
    ["recursion", tree, "Cycle"],
    ["reference", z.object({}).meta({ id: "Shared" }), "a reference"],
    ["refinement without a rule", text(1).refine((value) => value !== "x"), "unknown to the API server"],
    ["rule without a refinement", text(1).meta({ "x-server-checks": 2 }), "unknown to the API server"],
    ["catch", text(1).catch("x"), "catch, transform and pipe"],
    ["transform", text(1).transform((value) => value.length), "catch, transform and pipe"],
    ["strict object", z.strictObject({}), "a strict object"],
    ["look-ahead", text(1).regex(/a(?=b)/u), "RE2"],
    ["look-behind", text(1).regex(/(?<!a)b/u), "RE2"],
    ["date", z.date(), "Date"],
    ["unknown keyword", text(1).meta({ "x-unheard-of": 1 }), '"x-unheard-of"'],
    ["unbounded string", z.string(), "has no maxLength"],
    ["unbounded list", z.array(z.int()), "has no maxItems"],
    ["unbounded map", z.record(z.string(), z.int()), "has no maxProperties"],
    ["unbounded map of anything", z.record(z.string(), z.unknown()), "has no maxProperties"],
    ["unbounded item", z.array(z.string()).max(1), "spec.x[]: has no maxLength"],
    ["unbounded value", boundedRecord(z.string(), 1), "spec.x{}: has no maxLength"],
    ["field without a sentence", z.object({ y: z.int() }), "spec.x.y: has no describe()"],
  ])("refuses %s and names the place", (_, schema, problem) => {
    expect(() => field(schema)).toThrow(UnsupportedSchemaError);
    expect(() => field(schema)).toThrow(problem);
    expect(() => field(schema)).toThrow(/^spec/);
  });
});
