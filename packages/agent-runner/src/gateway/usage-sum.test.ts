import { expect, test } from "vitest";
import { addUsage, greaterUsage, noUsage } from "./usage-sum.ts";

const some = {
  inputTokens: 1,
  outputTokens: 20,
  cacheReadTokens: 3,
  cacheCreationTokens: 4,
  turns: 1,
  costUsd: "0.10",
};
const other = { ...some, inputTokens: 10, outputTokens: 2, turns: 2, costUsd: "0.20" };
const { costUsd: _cost, ...unpriced } = other;

test("a sum counts both, and knows its cost where both are known", () => {
  expect(addUsage(some, other)).toEqual({
    inputTokens: 11,
    outputTokens: 22,
    cacheReadTokens: 6,
    cacheCreationTokens: 8,
    turns: 3,
    costUsd: "0.30",
  });
  expect(addUsage(some, noUsage())).toEqual(some);
  expect(addUsage(some, unpriced)).not.toHaveProperty("costUsd");
  expect(addUsage(noUsage(), noUsage())).toEqual(noUsage());
});

test("of two accounts the greater counts, count by count", () => {
  expect(greaterUsage(some, other)).toEqual({ ...some, inputTokens: 10, turns: 2, costUsd: "0.20" });
  expect(greaterUsage(other, noUsage())).toEqual(other);
});
