import type { z } from "zod";
import { cel, text } from "./rule.ts";

const form = /^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$/u;
const part = /([0-9]+(?:[.][0-9]+)?)(ms|s|m|h)/gu;
const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const longest = 720 * milliseconds.h;

/** Milliseconds of a Go duration such as `1h30m`; `NaN` when the text is not one that a run may hold. */
export function durationMs(text: string): number {
  if (!form.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(part)) {
    sum += Number(amount) * milliseconds[unit as keyof typeof milliseconds];
  }
  return sum;
}

/** A Go duration of one second to thirty days. */
export function duration(): z.ZodString {
  return cel(text(16), {
    // Without the form first, `duration()` would end in an error of its own instead of our message.
    rule: `self.matches(${JSON.stringify(form.source)}) && duration(self) >= duration('1s') && duration(self) <= duration('720h')`,
    holds: (value) => durationMs(value) >= milliseconds.s && durationMs(value) <= longest,
    message: "must be a duration of 1s to 720h, written with h, m, s or ms, such as 90s, 30m or 1h30m",
  });
}
