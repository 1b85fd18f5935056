import { describe, expect, it } from "vitest";
import { noUsage } from "../usage-sum.ts";
import { limitMet, unpricedModel } from "./spending-limit.ts";

const used = (costUsd: string, turns: number) => ({ ...noUsage(), inputTokens: 1, costUsd, turns });

describe("a round's limit", () => {
  it.each([
    ["no budget", undefined, used("99.00", 99), undefined],
    ["less than the cost", { maxCostUsd: "1.50" }, used("1.499999999999", 99), undefined],
    ["just the cost", { maxCostUsd: "1.5" }, used("1.50", 1), "BudgetExceeded"],
    ["more than the cost", { maxCostUsd: "1.5" }, used("10.00", 1), "BudgetExceeded"],
    ["less than the turns", { maxTurns: 3 }, used("9.00", 2), undefined],
    ["just the turns", { maxTurns: 3 }, used("9.00", 3), "MaxTurnsReached"],
    ["both", { maxCostUsd: "1", maxTurns: 3 }, used("9.00", 3), "BudgetExceeded"],
  ])("with %s", (_name, budget, usage, reason) => {
    expect(limitMet(budget, usage)?.reason).toBe(reason);
  });

  it("of turns is final, because another attempt would have none", () => {
    expect(limitMet({ maxTurns: 3 }, used("0.01", 4))).toMatchObject({ final: true });
  });
});

describe("a model without a known price", () => {
  it("is refused where the cost is limited, and there alone", () => {
    expect(unpricedModel({ maxCostUsd: "1" }, "house-model-1")).toMatchObject({ reason: "InvalidInput" });
    expect(unpricedModel({ maxCostUsd: "1" }, "claude-sonnet-5-5")).toBeUndefined();
    expect(unpricedModel({ maxTurns: 1 }, "house-model-1")).toBeUndefined();
    expect(unpricedModel(undefined, "house-model-1")).toBeUndefined();
  });
});
