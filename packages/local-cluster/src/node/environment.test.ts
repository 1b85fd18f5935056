import { describe, expect, test } from "vitest";
import { expand } from "./environment.ts";
import { resourceField } from "./pod-fields.ts";
import { parseQuantity } from "./quantity.ts";

test.each([
  ["$(A)/$(B)", "1/2"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$(UNKNOWN) $A ${A} $", "$(UNKNOWN) $A ${A} $"],
  ["$(toString)", "$(toString)"],
])("%s becomes %s", (text, expected) => {
  expect(expand(text, { A: "1", B: "2" })).toBe(expected);
});

test.each([
  ["0", 0],
  ["250m", 0.25],
  ["1.5", 1.5],
  ["2k", 2000],
  ["64Mi", 64 * 2 ** 20],
  ["1e3", 1000],
  ["3E", 3e18],
  ["", undefined],
  ["Mi", undefined],
  ["1 Gi", undefined],
  ["1.2.3", undefined],
])("the quantity %s is %s", (text, expected) => {
  expect(parseQuantity(text)).toBe(expected);
});

describe("a resource of a container", () => {
  const container = { name: "main", resources: { limits: { memory: "64Mi" }, requests: { cpu: "250m" } } };
  test.each([
    ["limits.memory", undefined, "67108864"],
    ["limits.memory", "1Mi", "64"],
    ["requests.cpu", undefined, "1"],
    ["requests.cpu", "1m", "250"],
    ["limits.cpu", undefined, "8"],
    ["requests.memory", undefined, "0"],
    ["limits.pods", undefined, undefined],
  ])("%s in units of %s is %s", (resource, divisor, expected) => {
    const ref = divisor === undefined ? { resource } : { resource, divisor };
    expect(resourceField(container, ref, { cpu: "8", memory: "1Gi" })).toBe(expected);
  });
});
