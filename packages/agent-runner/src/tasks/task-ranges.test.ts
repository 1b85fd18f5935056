import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRanges, parseRanges } from "./task-ranges.ts";

describe("task ids as ranges", () => {
  it.each([
    [[], ""],
    [[7], "7"],
    [[7, 1, 2, 4, 3, 3], "1-4,7"],
    [[1, 3, 5], "1,3,5"],
    [[1, 2], "1-2"],
  ])("are short: %j", (ids, text) => {
    expect(formatRanges(ids)).toBe(text);
  });

  it("come back as they went", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (ids) => {
        expect(parseRanges(formatRanges(ids))).toEqual(ids.toSorted((a, b) => a - b));
      }),
    );
  });

  it.each(["a", "1-", "4-1", "1,,2", "-3"])("are nothing else: %s", (text) => {
    expect(() => parseRanges(text)).toThrow(RangeError);
  });
});
