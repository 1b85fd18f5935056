import type { z } from "zod";
import { cel, text } from "./rule.ts";

const form = /^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$/u;
const part = /([0-9]+(?:[.][0-9]+)?)(ms|s|m|h)/gu;
const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration such as `1h30m`; `NaN` when the text is not one that a run may hold. */
export function durationMs(text: string): number {
  if (!form.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(part)) {
    sum += Number(amount) * milliseconds[unit as keyof typeof milliseconds];
  }
  return sum;
}

/** A Go duration of one second to `longestHours`: 720, thirty days, by default. */
export function duration({ longestHours = 720 }: { longestHours?: number } = {}): z.ZodString {
  const longest = `${String(longestHours)}h`;
  return cel(text(16), {
    rule: `${hasForm("self")} && duration(self) >= duration('1s') && duration(self) <= duration('${longest}')`,
    holds: (value) => durationMs(value) >= milliseconds.s && durationMs(value) <= longestHours * milliseconds.h,
    message: `must be a duration of 1s to ${longest}, written with h, m, s or ms, such as 90s, 30m or 1h30m`,
  });
}

/**
 * Refuses an object whose duration `field` is longer than its duration `limit`. The value `unset`, which `field` has by
 * default, gives way instead: who writes a short limit alone has said enough.
 */
export function notAbove<S extends z.ZodObject>(
  schema: S,
  { field, limit, unset, message }: { field: string; limit: string; unset: string; message: string },
): S {
  const [value, most] = [`self.${field}`, `self.${limit}`];
  return cel(schema, {
    // A duration that is none is told by its own field.
    rule: `${value} == '${unset}' || !${hasForm(value)} || !${hasForm(most)} || duration(${value}) <= duration(${most})`,
    holds: (object) =>
      object[field] === unset || !(durationMs(String(object[field])) > durationMs(String(object[limit]))),
    message,
    field,
  });
}

/** Without the form first, CEL's `duration()` would end in an error of its own instead of our message. */
function hasForm(path: string): string {
  return `${path}.matches(${JSON.stringify(form.source)})`;
}
