import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTasks, formatTaskRanges, parseTaskRanges } from "./task-ranges.ts";

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 300 });

describe("task ids as ranges", () => {
  it("are short, ascending and without repetition", () => {
    expect(formatTaskRanges([7, 1, 2, 3, 4, 2])).toBe("1-4,7");
    expect(formatTaskRanges([])).toBe("");
  });

  it("say how many they leave out when there is no room", () => {
    expect(formatTaskRanges([1, 3, 5, 7, 8, 9], 7)).toBe("1,3,+4");
    expect(formatTaskRanges([100, 300, 500], 2)).toBe("+3");
  });

  it("are read back as written", () => {
    fc.assert(
      fc.property(ids, (some) => {
        expect(parseTaskRanges(formatTaskRanges(some))).toEqual({ ids: some.toSorted((a, b) => a - b), more: 0 });
      }),
    );
  });

  it("keep their count within any limit", () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 7, max: 200 }), (some, limit) => {
        const text = formatTaskRanges(some, limit);
        expect(text.length).toBeLessThanOrEqual(limit);
        expect(countTasks(text)).toBe(some.length);
      }),
    );
  });

  it("read from a stranger cost nothing", () => {
    expect(parseTaskRanges("1,x,-3,9-2,+,4-999999999").ids).toHaveLength(1001);
  });
});
