import { expect, it } from "vitest";
import { backoffMs } from "./backoff.ts";

const backoff = { initialMs: 10_000, maxMs: 600_000 };

it.each([
  [0, 0, 5_000],
  [0, 0.999, 9_995],
  [1, 0, 10_000],
  [3, 0.5, 60_000],
  [6, 0, 300_000],
  [100, 0, 300_000],
])("after %i failures, with chance %f, is %i ms", (failures, random, milliseconds) => {
  expect(backoffMs(backoff, failures, random)).toBeCloseTo(milliseconds, 6);
});
