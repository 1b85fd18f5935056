import { expect, test } from "vitest";
import { whereToGoOn } from "./where-to-go-on.ts";

test.each([
  ["both are the same", { headHoldsWork: true, workHoldsHead: true, ownSince: false }, "branch"],
  [
    "a person has added to what was delivered",
    { headHoldsWork: true, workHoldsHead: false, ownSince: false },
    "branch",
  ],
  ["what is kept goes beyond the branch", { headHoldsWork: false, workHoldsHead: true, ownSince: false }, "kept"],
  ["the run has pushed since", { headHoldsWork: false, workHoldsHead: false, ownSince: true }, "branch"],
  ["a person has pushed since", { headHoldsWork: false, workHoldsHead: false, ownSince: false }, "moved"],
] as const)("where %s, work goes on from: %s", (_name, found, expected) => {
  expect(whereToGoOn(found)).toBe(expected);
});
