import { describe, expect, it } from "vitest";
import { addUsd, compareUsd, costUsd, isUsd, subtractUsd } from "./cost-usd.ts";
import { priceOf } from "./price-of.ts";
import { pricesAsOf } from "./price-table.ts";

const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
const million = 1_000_000;

describe("the price of a model", () => {
  it.each([
    { model: "claude-opus-5-5", input: "4.00", output: "20.00", read: "0.20", write: "5.00" },
    { model: "claude-opus-5", input: "5.00", output: "25.00", read: "0.50", write: "6.25" },
    { model: "claude-opus-4-5-20251101", input: "5.00", output: "25.00", read: "0.50", write: "6.25" },
    { model: "claude-sonnet-5-5", input: "2.00", output: "10.00", read: "0.10", write: "2.50" },
    { model: "claude-sonnet-4-5-20250929", input: "3.00", output: "15.00", read: "0.30", write: "3.75" },
    { model: "claude-haiku-5-5", input: "0.10", output: "0.50", read: "0.01", write: "0.125" },
    { model: "claude-haiku-4-5", input: "1.00", output: "5.00", read: "0.10", write: "1.25" },
  ])("is charged for a million tokens of $model", ({ model, input, output, read, write }) => {
    expect(costUsd({ ...none, inputTokens: million }, model)).toBe(input);
    expect(costUsd({ ...none, outputTokens: million }, model)).toBe(output);
    expect(costUsd({ ...none, cacheReadTokens: million }, model)).toBe(read);
    expect(costUsd({ ...none, cacheCreationTokens: million }, model)).toBe(write);
  });

  it.each(["opus", "gpt-5", "", "my-claude-opus-5", "claude-opus-5-6", "claude-opus-5-preview", "constructor"])(
    "is unknown for %j",
    (model) => {
      expect(priceOf(model)).toBeUndefined();
      expect(costUsd(none, model)).toBeUndefined();
    },
  );

  it("says of which day it is", () => {
    expect(pricesAsOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });
});

describe("a cost", () => {
  it("adds all kinds of tokens and keeps every digit", () => {
    const usage = { inputTokens: 1, outputTokens: 3, cacheReadTokens: 7, cacheCreationTokens: 11 };
    // 1*5 + 3*25 + 7*0.5 + 11*6.25 = 152.25 millionths of a dollar
    expect(costUsd(usage, "claude-opus-5")).toBe("0.00015225");
  });

  it("is exact where floating point is not", () => {
    expect(costUsd({ ...none, inputTokens: Number.MAX_SAFE_INTEGER }, "claude-haiku-4-5")).toBe("9007199254.740991");
  });

  it("refuses counts that are no whole numbers", () => {
    expect(() => costUsd({ ...none, inputTokens: 1.5 }, "claude-haiku-4-5")).toThrow(RangeError);
  });
});

describe("a sum of costs", () => {
  it.each([
    { amounts: [], sum: "0.00" },
    { amounts: ["0.1", "0.2"], sum: "0.30" },
    { amounts: ["0.000000000001", "12"], sum: "12.000000000001" },
  ])("of $amounts is $sum", ({ amounts, sum }) => {
    expect(addUsd(amounts)).toBe(sum);
  });
});

describe("amounts", () => {
  it.each([
    ["0.3", "0.1", "0.20"],
    ["1", "0.000000000001", "0.999999999999"],
    ["0.1", "0.3", "0.00"],
  ])("%s without %s is %s", (amount, part, left) => {
    expect(subtractUsd(amount, part)).toBe(left);
  });

  it("are compared by their value", () => {
    expect(compareUsd("0.5", "0.50")).toBe(0);
    expect(compareUsd("9.99", "10")).toBeLessThan(0);
    expect(compareUsd("0.000000000002", "0.000000000001")).toBeGreaterThan(0);
  });

  it.each([
    ["0", true],
    ["12.000000000001", true],
    ["-1", false],
    ["1e3", false],
    ["0.0000000000001", false],
    ["", false],
  ])("%j is one: %s", (text, is) => {
    expect(isUsd(text)).toBe(is);
  });
});
