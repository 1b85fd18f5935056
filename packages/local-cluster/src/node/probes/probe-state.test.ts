import { expect, test } from "vitest";
import { countResult, noResults } from "./probe-state.ts";

function verdicts(results: string, thresholds: { failureThreshold?: number; successThreshold?: number }): string[] {
  let state = noResults;
  return results.split("").map((result) => {
    const counted = countResult(state, result === "+", thresholds);
    state = counted.state;
    return counted.verdict;
  });
}

test.each([
  ["one success passes", "+", {}, ["passed"]],
  ["three failures in a row fail", "---", {}, ["undecided", "undecided", "failed"]],
  ["a success begins the row anew", "--+-", {}, ["undecided", "undecided", "passed", "undecided"]],
  [
    "thresholds are the probe's",
    "++-",
    { successThreshold: 2, failureThreshold: 1 },
    ["undecided", "passed", "failed"],
  ],
])("%s", (_, results, thresholds, expected) => {
  expect(verdicts(results, thresholds)).toEqual(expected);
});
