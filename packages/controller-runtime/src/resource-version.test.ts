import { expect, it } from "vitest";
import { compareResourceVersions } from "./resource-version.ts";

it.each([
  ["9", "10", -1],
  ["10", "9", 1],
  ["123", "123", 0],
  ["123", "124", -1],
  ["9007199254740993", "9007199254740992", 1],
  ["99999999999999999999", "100000000000000000000", -1],
])("compares %s with %s by number", (a, b, sign) => {
  expect(Math.sign(compareResourceVersions(a, b))).toBe(sign);
});
