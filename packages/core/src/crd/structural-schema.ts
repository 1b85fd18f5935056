import { z } from "zod";
import { serverChecks } from "../api/rule.ts";

/** A node of a Kubernetes structural schema. */
export interface StructuralSchema {
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  required?: string[];
  [keyword: string]: unknown;
}

/** A zod schema says something that a CustomResourceDefinition cannot, or leaves out something that ours must say. */
export class UnsupportedSchemaError extends Error {
  override readonly name = "UnsupportedSchemaError";
  /** Where in the schema, such as `spec.pod.env[]`. */
  readonly path: string;
  /** What is wrong there, and what to write instead. */
  readonly problem: string;

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.path = path;
    this.problem = problem;
  }
}

type JsonNode = Record<string, unknown>;

const refinements = "x-refinements";
const zodType = "x-zod-type";
/** Types of zod whose meaning never reaches the schema. */
const meaningless = new Set(["catch", "transform", "pipe"]);

/** Keywords that are taken over as they are. */
const plain = new Set(
  `type description default enum minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength
  minItems maxItems minProperties maxProperties required nullable pattern x-kubernetes-validations
  x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-map-type x-kubernetes-int-or-string`.split(/\s+/),
);
const formats = new Set(["date-time", "int32", "int64"]);
/** Rewritten by a step of `convert`, or meaningless to Kubernetes. */
const handled = new Set([
  "format",
  "properties",
  "items",
  "additionalProperties",
  "readOnly",
  "propertyNames",
  refinements,
  serverChecks,
]);

const refused: Record<string, string> = {
  anyOf: "a union has no structural schema: hoist its fields and tell them apart with cel()",
  oneOf: "a discriminated union has no structural schema: hoist its fields and tell them apart with cel()",
  allOf: "an intersection has no structural schema: extend the object instead",
  not: "`never` has no structural schema",
  $ref: "a reference has no structural schema: no meta({ id })",
  definitions: "a reference has no structural schema: no meta({ id })",
  [zodType]: "catch, transform and pipe never reach the API server: say it with a default or cel()",
};

/**
 * Turns a zod schema into the structural schema that a CustomResourceDefinition needs. Every field must have a
 * description, every string, list and map a bound, and every refinement a CEL twin (see `api/rule.ts`).
 *
 * @throws {UnsupportedSchemaError} naming the first place that cannot be said to the API server.
 */
export function toStructuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  return convert(toJsonSchema(schema, path), path);
}

function toJsonSchema(schema: z.ZodType, path: string): JsonNode {
  try {
    return z.toJSONSchema(schema, {
      target: "openapi-3.0",
      // The output form lists defaulted fields as required and closes objects.
      io: "input",
      cycles: "throw",
      reused: "inline",
      unrepresentable: "throw",
      // Runs for every clone of a chain, so it only leaves marks; `convert` judges the finished node.
      override: ({ zodSchema, jsonSchema }) => {
        const { checks = [], type } = zodSchema._zod.def;
        const custom = checks.filter((check) => check._zod.def.check === "custom").length;
        if (custom > 0) Object.assign(jsonSchema, { [refinements]: custom });
        if (meaningless.has(type)) Object.assign(jsonSchema, { [zodType]: type });
      },
    });
  } catch (cause) {
    throw new UnsupportedSchemaError(path, String(cause), { cause });
  }
}

function convert(node: JsonNode, path: string): StructuralSchema {
  refuseUnsayable(node, path);
  const result: StructuralSchema = {};
  for (const [keyword, value] of Object.entries(node)) if (plain.has(keyword)) result[keyword] = value;
  if (typeof node["format"] === "string" && formats.has(node["format"])) {
    result["format"] = node["format"];
    delete result["pattern"];
  }
  if (node["type"] === "integer") sizeInteger(result);
  if (isNode(node["properties"])) result.properties = convertFields(node["properties"], path);
  if (isNode(node["items"])) result.items = convert(node["items"], `${path}[]`);
  if (isNode(node["additionalProperties"])) {
    result.additionalProperties = convert(node["additionalProperties"], `${path}{}`);
  }
  requireBounds(result, path);
  allowUnknown(result);
  return result;
}

function convertFields(properties: JsonNode, path: string): Record<string, StructuralSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      const field = convert(value as JsonNode, `${path}.${name}`);
      if (field["description"] === undefined) {
        throw new UnsupportedSchemaError(`${path}.${name}`, "has no describe() sentence for kubectl explain");
      }
      return [name, tellDefault(field)];
    }),
  );
}

/** kubectl explain shows the description alone. */
function tellDefault(field: StructuralSchema): StructuralSchema {
  const { default: value, description } = field as { default?: unknown; description?: string };
  if (value === undefined || typeof value === "object") return field;
  const shown = JSON.stringify(value).replace(/^"(\w+)"$/, "$1");
  return { ...field, description: `${description ?? ""} Default: ${shown}.` };
}

function refuseUnsayable(node: JsonNode, path: string): void {
  for (const keyword of Object.keys(node)) {
    const problem = refused[keyword];
    if (problem !== undefined) throw new UnsupportedSchemaError(path, problem);
    if (!plain.has(keyword) && !handled.has(keyword)) {
      throw new UnsupportedSchemaError(path, `"${keyword}" is not a keyword of a structural schema`);
    }
  }
  if (node["additionalProperties"] === false) {
    throw new UnsupportedSchemaError(path, "a strict object refuses what older operators must tolerate: use z.object");
  }
  if ((node[refinements] ?? 0) !== (node[serverChecks] ?? 0)) {
    throw new UnsupportedSchemaError(path, "a refinement is unknown to the API server: use the helpers of api/rule.ts");
  }
  if (/\(\?[=!<]/.test(String(node["pattern"]))) {
    throw new UnsupportedSchemaError(path, "the pattern looks around, which RE2 cannot: use pattern() with excludes");
  }
}

/** zod writes the bounds of its number formats out; Kubernetes has names for them. */
function sizeInteger(node: StructuralSchema): void {
  const { minimum, maximum } = node;
  const small = Number(minimum) >= -(2 ** 31) && Number(maximum) < 2 ** 31;
  node["format"] = small ? "int32" : "int64";
  // Those of 32 bits are written out: API servers of 1.34 do not check a number against its format.
  if (minimum === Number.MIN_SAFE_INTEGER) delete node["minimum"];
  if (maximum === Number.MAX_SAFE_INTEGER) delete node["maximum"];
}

/** A field of unknown type keeps whatever it holds. CEL sees a map of such values only when it is declared as opaque. */
function allowUnknown(node: StructuralSchema): void {
  const opaque = node.additionalProperties?.["type"] === undefined && node.additionalProperties !== undefined;
  if (opaque) delete node.additionalProperties;
  if (opaque || node["type"] === undefined) node["x-kubernetes-preserve-unknown-fields"] = true;
}

/** The server budgets the cost of rules by the declared sizes. */
function requireBounds(node: StructuralSchema, path: string): void {
  const { type, enum: values, format } = node;
  if (type === "string" && values === undefined && format === undefined) requireBound(node, "maxLength", path);
  if (type === "array") requireBound(node, "maxItems", path);
  if (type === "object" && node.additionalProperties !== undefined) requireBound(node, "maxProperties", path);
}

function requireBound(node: StructuralSchema, keyword: string, path: string): void {
  if (node[keyword] === undefined) throw new UnsupportedSchemaError(path, `has no ${keyword}`);
}

function isNode(value: unknown): value is JsonNode {
  return typeof value === "object" && value !== null;
}
