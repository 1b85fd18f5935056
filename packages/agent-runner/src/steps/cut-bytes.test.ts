import fc from "fast-check";
import { expect, it } from "vitest";
import { cutBytes } from "./cut-bytes.ts";

const size = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

it("keeps what fits and marks what was cut", () => {
  expect(cutBytes("abc", 3)).toBe("abc");
  expect(cutBytes("abcdefgh", 6)).toBe("abc…");
  expect(cutBytes('""""""', 8)).toBe('""…');
  expect(cutBytes("🚀🚀🚀", 8)).toBe("🚀…");
  expect(cutBytes("abc", 2)).toBe("");
});

it("never takes more room than it is given", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(60), (text, limit) => {
      expect(size(cutBytes(text, limit))).toBeLessThanOrEqual(limit);
    }),
  );
});
