import { describe, expect, it } from "vitest";
import type { Usage } from "../api/status.ts";
import { noUsage, totalCostAfter, usageAfter } from "./round-usage.ts";

const used = (turns: number, costUsd?: string): Usage => ({
  ...noUsage,
  turns,
  outputTokens: 10 * turns,
  ...(costUsd !== undefined && { costUsd }),
});
const told = (usage: Usage, roundUsage?: Usage) => ({ version: 1, usage, ...(roundUsage && { roundUsage }) }) as const;

describe("a round's usage", () => {
  it("stays as it is when an attempt could not report", () => {
    expect(usageAfter(used(2), undefined)).toEqual(used(2));
    expect(usageAfter(undefined, undefined)).toBeUndefined();
  });

  it.each([
    ["begins with the first attempt", undefined, told(used(2, "0.10")), used(2, "0.10")],
    ["grows by each attempt, to the last digit", used(2, "0.1"), told(used(1, "0.2")), used(3, "0.30")],
    [
      "takes the gateway's sum where that is more",
      used(2, "0.10"),
      told(used(1, "0.05"), used(9, "0.45")),
      used(9, "0.45"),
    ],
    ["never falls", used(5, "1.00"), told(used(1, "0.05"), used(1, "0.05")), used(6, "1.05")],
    ["keeps the known cost beside an unknown one", used(2, "0.10"), told(used(1)), used(3, "0.10")],
    ["begins to cost when a price is known", used(2), told(used(1, "0.05")), used(3, "0.05")],
    ["takes no cost that is no amount", used(2, "0.10"), told(used(1, "a lot")), used(3, "0.10")],
  ])("%s", (_, before, message, after) => {
    expect(usageAfter(before, message)).toEqual(after);
  });
});

describe("what all rounds cost", () => {
  it.each([
    ["is the first round's", {}, used(1, "0.05"), "0.05"],
    ["grows by what the round has grown", { totalCostUsd: "1.00", usage: used(2, "0.10") }, used(3, "0.15"), "1.05"],
    ["grows by a whole new round", { totalCostUsd: "1.00" }, used(1, "0.05"), "1.05"],
    ["stays where the round costs nothing known", { totalCostUsd: "1.00" }, used(1), "1.00"],
    ["stays without usage", { totalCostUsd: "1.00" }, undefined, "1.00"],
    ["is unknown where nothing is known", {}, used(1), undefined],
  ])("%s", (_, status, usage, total) => {
    expect(totalCostAfter({ phase: "Running", ...status }, usage)).toBe(total);
  });
});
