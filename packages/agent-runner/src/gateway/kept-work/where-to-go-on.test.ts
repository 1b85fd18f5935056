import { expect, test } from "vitest";
import { whereToGoOn } from "./where-to-go-on.ts";

test.each([
  ["nothing is kept", { head: "h", workHoldsHead: false, headIsOwn: false }, "branch"],
  ["there is no branch yet", { work: "w", workHoldsHead: false, headIsOwn: false }, "kept"],
  ["what is kept goes beyond the branch", { head: "h", work: "w", workHoldsHead: true, headIsOwn: false }, "kept"],
  ["the run has pushed since", { head: "h", work: "w", workHoldsHead: false, headIsOwn: true }, "branch"],
  ["a person has pushed since", { head: "h", work: "w", workHoldsHead: false, headIsOwn: false }, "moved"],
] as const)("where %s, work goes on from: %s", (_name, found, expected) => {
  expect(whereToGoOn(found)).toBe(expected);
});
