import { expect, test } from "vitest";
import { median, orderOf, quantile, spread } from "./statistics.ts";

test("a median is the value in the middle, or half way between the two there", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
});

test("a quantile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(values, 0.5)).toBe(51);
  expect(quantile(values, 0.99)).toBe(100);
  expect(quantile([7], 0.99)).toBe(7);
});

test("each contender comes first, and last, as often as any other", () => {
  const items = ["a", "b", "c"];
  const orders = [0, 1, 2, 3, 4, 5].map((round) => orderOf(items, round).join(""));
  expect(orders).toEqual(["abc", "cba", "bca", "acb", "cab", "bac"]);
});
