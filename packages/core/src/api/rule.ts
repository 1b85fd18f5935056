import { z } from "zod";

/** Meta key that counts the checks of a schema which the API server makes too; read and removed by the CRD generator. */
export const serverChecks = "x-server-checks";

/** A check written twice: `rule` for the API server (CEL, `self` is the value), `holds` for TypeScript. */
export interface Rule<T> {
  rule: string;
  holds: (value: T) => boolean;
  /** What a user reads when the check fails; names the cure. */
  message: string;
  /** Whether the server leaves the refused value, which may hold a secret, out of its answer. Default false. */
  hidesValue?: boolean;
  /** The field of an object that the refusal names; absent: the object itself. */
  field?: string;
}

/** A refinement together with what says the same to the API server, so that neither can exist alone. */
function twin<S extends z.ZodType>(
  schema: S,
  check: {
    holds: (value: z.output<S>) => boolean;
    message: string;
    server: Record<string, unknown>;
    path?: string[];
  },
): S {
  const meta = schema.meta() ?? {};
  const checks = typeof meta[serverChecks] === "number" ? meta[serverChecks] : 0;
  const { holds, message: error, path = [] } = check;
  return schema.refine(holds, { error, path }).meta({ ...meta, ...check.server, [serverChecks]: checks + 1 });
}

/** Adds a cross-field or value rule to a schema, for the API server and for TypeScript alike. */
export function cel<S extends z.ZodType>(schema: S, check: Rule<z.output<S>>): S {
  const key = "x-kubernetes-validations";
  const before = schema.meta()?.[key];
  const rules: unknown[] = Array.isArray(before) ? before : [];
  const { rule, message, holds, hidesValue = false, field } = check;
  const reason = hidesValue ? { reason: "FieldValueForbidden" } : {};
  const fieldPath = field === undefined ? {} : { fieldPath: `.${field}` };
  return twin(schema, {
    holds,
    message,
    server: { [key]: [...rules, { rule, message, ...fieldPath, ...reason }] },
    path: field === undefined ? [] : [field],
  });
}

/** A string of at most `max` characters; both sides count code points. */
export function text(max: number): z.ZodString {
  return twin(z.string(), {
    holds: (value) => Array.from(value).length <= max,
    message: `may not be longer than ${String(max)} characters`,
    server: { maxLength: max },
  });
}

/**
 * A string that `matches` accepts and `excludes` does not. Both expressions must mean the same in RE2 and in
 * JavaScript's unicode mode: no look-around, no back-references, `\p{Cc}` and spelled-out classes rather than `\s`.
 */
export function pattern(
  max: number,
  options: { matches: RegExp; excludes?: RegExp; message: string; hidesValue?: boolean },
): z.ZodString {
  const { matches, excludes, ...told } = options;
  const accepted = `self.matches(${JSON.stringify(matches.source)})`;
  const refused = excludes === undefined ? "" : ` && !self.matches(${JSON.stringify(excludes.source)})`;
  return cel(text(max), {
    rule: accepted + refused,
    holds: (value) => matches.test(value) && !(excludes?.test(value) ?? false),
    ...told,
  });
}

/** A list without equal items. */
export function uniqueItems<I extends z.ZodType<string | number>>(schema: z.ZodArray<I>): z.ZodArray<I> {
  return twin(schema, {
    holds: (items) => new Set(items).size === items.length,
    message: "may not name one item twice",
    server: { "x-kubernetes-list-type": "set" },
  });
}

/** A list of objects told apart by one of their fields. */
export function uniqueBy<I extends z.ZodType<Record<string, unknown>>>(
  schema: z.ZodArray<I>,
  key: keyof z.output<I> & string,
): z.ZodArray<I> {
  return twin(schema, {
    holds: (items) => new Set(items.map((item) => item[key])).size === items.length,
    message: `may not hold two items of one ${key}`,
    server: { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] },
  });
}

/** A map with at most `max` entries. */
export function boundedRecord<V extends z.ZodType>(value: V, max: number): z.ZodRecord<z.ZodString, V> {
  return twin(z.record(z.string(), value), {
    holds: (map) => Object.keys(map).length <= max,
    message: `may not hold more than ${String(max)} entries`,
    server: { maxProperties: max },
  });
}
